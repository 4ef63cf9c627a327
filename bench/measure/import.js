// Import against `gzip -dc FILE | wc -l`, which is the limit of reading the input, by wall time, as both have two threads: a
// second import in one process, so without Node's start-up and once V8 has compiled it; and a recording of 5 GB in bounded
// memory.
//
// The large one is a real one, repeated and shifted in time (bench/side/repeat.js), and comes through a pipe.
"use strict";

const { join } = require("node:path");
const { ROOT } = require("../../scripts/run.js");
const { runProgram, timesOf, side } = require("../harness.js");

const RECORDINGS = ["redis_bench", "make_j2"];
const LARGE_BYTES = 5e9;

exports.prepare = (_folder, short) => {
  const sides = {};
  const ratios = {};
  const values = {};
  for (const name of RECORDINGS) {
    const file = join(ROOT, "recordings", `${name}.perf.txt.gz`);
    sides[`read ${name}`] = () => timesOf(`gzip -dc '${file}' | wc -l`);
    sides[`import ${name}`] = () => side("import", [name]);
    ratios[`speed of import to gzip -dc | wc -l, ${name}`] = {
      of: (sample) => sample[`read ${name}`].wall / sample[`import ${name}`].wall,
      bar: { atLeast: 0.5 },
    };
    ratios[`the same, by CPU time of all threads, ${name}`] = {
      of: (sample) => sample[`read ${name}`].cpu / sample[`import ${name}`].cpu,
    };
  }
  if (!short) {
    let large; // once a run: it says how much memory, not how fast
    sides.large = () => (large ??= largeImport());
    values["MB of memory at the most, 5 GB of perf script"] = {
      of: (sample) => sample.large.maxRssBytes / 1e6,
      bar: { atMost: 300 },
      unit: "MB",
    };
  }
  return { sides, ratios, values };
};

function largeImport() {
  const script = (name) => `'${process.execPath}' '${join(__dirname, "..", "side", `${name}.js`)}'`;
  const pipe = `${script("repeat")} redis_bench ${LARGE_BYTES} | ${script("large-import")}`;
  return JSON.parse(runProgram("bash", ["-o", "pipefail", "-c", pipe]).stdout);
}
