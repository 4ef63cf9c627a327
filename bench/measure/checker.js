// The checker against SPIN on one protocol: bench/check.ts, which interleaves its own repetitions.
"use strict";

const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { ROOT } = require("../../scripts/run.js");
const { CC, has, runProgram } = require("../harness.js");

const REPETITIONS = "7";

exports.prepare = () => {
  const missing = ["spin", "gcc", CC].find((program) => !has(program));
  if (missing !== undefined) return { skipped: `there is no ${missing}` };
  const run = () => {
    const env = { ...process.env, REPETITIONS };
    runProgram(process.execPath, ["-r", "ts-node/register", join(ROOT, "bench", "check.ts")], { env });
    return JSON.parse(readFileSync(join(ROOT, "out", "bench-check.json"), "utf8"));
  };
  const of = (sample, name) => middle(sample.checker.ratios[name]);
  return {
    once: true,
    sides: { checker: run },
    ratios: Object.fromEntries(
      [
        "states/s of the checker to SPIN's",
        "time to SPIN's verdict to the checker's, with reductions",
        "speed-up of two threads",
        "speed-up of two threads, linux-per-mm-vcpu",
      ].map((name) => [name, { of: (sample) => of(sample, name) }]),
    ),
    values: {
      "bytes per state": {
        of: ({ checker: { rows } }) =>
          rows.find(({ name }) => name === "checker, no reduction").runs[0].bytesPerState,
        unit: "bytes",
      },
    },
  };
};

function middle(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1];
}
