// Import of a recording of 5 GB, in bounded memory: a real one, repeated and shifted in time (bench/side/repeat.js), which
// comes through a pipe and is nowhere on the disk.
"use strict";

const { join } = require("node:path");
const { runProgram } = require("../harness.js");

const BYTES = 5e9;

exports.prepare = () => ({
  once: true, // it says how much memory, not how fast
  sides: { large: largeImport },
  values: {
    "MB of memory at the most, 5 GB of perf script": {
      of: ({ large }) => large.maxRssBytes / 1e6,
      bar: { atMost: 300 },
      unit: "MB",
    },
    "millions of events in it": { of: ({ large }) => large.events / 1e6 },
    "s of CPU of all threads": { of: ({ large }) => large.cpu, unit: "s" },
  },
});

function largeImport() {
  const script = (name) => `'${process.execPath}' '${join(__dirname, "..", "side", `${name}.js`)}'`;
  const pipe = `${script("repeat")} redis_bench ${BYTES} | ${script("large-import")}`;
  return JSON.parse(runProgram("bash", ["-o", "pipefail", "-c", pipe]).stdout);
}
