// A sweep on two workers against one, wall time: with nothing else on the machine, twice as fast is 1.
"use strict";

const { rmSync } = require("node:fs");
const { availableParallelism } = require("node:os");
const { join } = require("node:path");
const { ROOT } = require("../../scripts/run.js");
const { runProgram } = require("../harness.js");

exports.prepare = (folder) => {
  if (availableParallelism() < 2) return { skipped: "there is one core" };
  const sweep = (workers) => () => {
    const out = join(folder, `sweep${workers}`);
    rmSync(out, { recursive: true, force: true });
    const file = join(ROOT, "experiments", "sweeps", "threads.yaml");
    const args = [join(ROOT, "bin", "pvtwin.js"), "sweep", file, "--out", out, "--workers", String(workers)];
    return { wall: runProgram(process.execPath, args).wall };
  };
  return {
    sides: { one: sweep(1), two: sweep(2) },
    ratios: {
      "of linear, a sweep on 2 cores": {
        of: ({ one, two }) => one.wall / two.wall / 2,
        bar: { atLeast: 0.9 },
      },
    },
  };
};
