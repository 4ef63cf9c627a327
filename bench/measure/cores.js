// A sweep of 200 cells on two workers: how much of two cores it uses, how long it takes, and how much faster it is than on
// one. For a machine with nothing else on it: wall time is what is measured.
"use strict";

const { rmSync } = require("node:fs");
const { availableParallelism } = require("node:os");
const { join } = require("node:path");
const { ROOT } = require("../../scripts/run.js");
const { timesOf } = require("../harness.js");

exports.prepare = (folder) => {
  if (availableParallelism() < 2) return { skipped: "there is one core" };
  const sweep = (workers) => () => {
    const out = join(folder, `sweep${workers}`);
    rmSync(out, { recursive: true, force: true });
    const file = join(ROOT, "bench", "two-hundred.yaml");
    const program = [process.execPath, join(ROOT, "bin", "pvtwin.js")];
    const words = [...program, "sweep", file, "--out", out, "--workers", workers];
    return timesOf(words.map((word) => `'${word}'`).join(" "));
  };
  return {
    sides: { one: sweep(1), two: sweep(2) },
    ratios: {
      "of linear, a sweep of 200 cells on 2 cores": {
        of: ({ one, two }) => one.wall / two.wall / 2,
        bar: { atLeast: 0.9 },
      },
      "share of 2 cores, a sweep of 200 cells": {
        of: ({ two }) => two.cpu / two.wall / 2,
        bar: { atLeast: 0.85 },
      },
    },
    values: {
      "a sweep of 200 cells on 2 cores": { of: ({ two }) => two.wall, bar: { atMost: 180 }, unit: "s" },
      "CPU time of it": { of: ({ two }) => two.cpu, unit: "s" },
    },
  };
};
