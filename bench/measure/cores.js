// A sweep of a minute (bench/minute.yaml) on two workers: how much faster it is than on one, and how much more CPU time it
// takes. One of 200 cells (bench/two-hundred.yaml): how long it takes, and how much of two cores it uses. For a machine with nothing
// else on it: wall time is what is measured.
//
// A sweep on one worker uses more than one core: V8 compiles and collects garbage on threads of its own. A second worker needs
// that core for itself, and has to compile all for itself; so both together are less than twice as fast, by about that part.
//
// Two sweeps at once, each of one worker and in a process of its own, share nothing but the machine: by how much they hold each other
// up is what the machine's two cores are short of two, in caches, memory and clock; and the sweep on two workers is compared with that, too.
"use strict";

const { rmSync } = require("node:fs");
const { availableParallelism } = require("node:os");
const { join } = require("node:path");
const { ROOT } = require("../../scripts/run.js");
const { timesOf } = require("../harness.js");

exports.prepare = (folder) => {
  if (availableParallelism() < 2) return { skipped: "there is one core" };
  const command = (name, workers, copy = "") => {
    const out = join(folder, `${name}${workers}${copy}`);
    rmSync(out, { recursive: true, force: true });
    const file = join(ROOT, "bench", `${name}.yaml`);
    const program = [process.execPath, join(ROOT, "bin", "pvtwin.js")];
    const words = [...program, "sweep", file, "--out", out, "--workers", workers];
    return words.map((word) => `'${word}'`).join(" ");
  };
  const sweep = (name, workers) => () => timesOf(command(name, workers));
  const atOnce = (name) => () => timesOf(`${command(name, 1, "a")} & ${command(name, 1, "b")} & wait`);
  return {
    sides: {
      one: sweep("minute", 1),
      two: sweep("minute", 2),
      apart: atOnce("minute"),
      cells: sweep("two-hundred", 2),
    },
    ratios: {
      "of linear, a sweep of a minute on 2 cores": {
        of: ({ one, two }) => one.wall / two.wall / 2,
        bar: { atLeast: 0.9 },
      },
      "of linear, two such sweeps in processes of their own": {
        of: ({ one, apart }) => one.wall / apart.wall,
      },
      "of what those reach, a sweep of a minute on 2 cores": {
        of: ({ two, apart }) => apart.wall / two.wall / 2,
        bar: { atLeast: 0.9 },
      },
      "CPU time of those to that of one after the other": {
        of: ({ one, apart }) => apart.cpu / one.cpu / 2,
      },
      "CPU time on 2 workers to that on one, a sweep of a minute": {
        of: ({ one, two }) => two.cpu / one.cpu,
        bar: { atMost: 1.1 },
      },
      "share of 2 cores, a sweep of 200 cells": {
        of: ({ cells }) => cells.cpu / cells.wall / 2,
        bar: { atLeast: 0.85 },
      },
    },
    values: {
      "a sweep of 200 cells on 2 cores": { of: ({ cells }) => cells.wall, bar: { atMost: 180 }, unit: "s" },
      "CPU time of it": { of: ({ cells }) => cells.cpu, unit: "s" },
    },
  };
};
