// Import against `gzip -dc FILE | wc -l`, which is the limit of reading the input, by wall time, as both have two threads: a
// second import in one process, so without Node's start-up and once V8 has compiled it.
"use strict";

const { join } = require("node:path");
const { ROOT } = require("../../scripts/run.js");
const { timesOf, side } = require("../harness.js");

const RECORDINGS = ["redis_bench", "make_j2"];

exports.prepare = () => {
  const sides = {};
  const ratios = {};
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
  return { sides, ratios };
};
