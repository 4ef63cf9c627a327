// The same sweep of a minute (bench/minute.yaml) on one core and on two, with as many workers: how much faster it is, and how much
// more CPU time it takes. A longer one, 1,344 simulations, in the same way: what each worker does once, and what the main thread does alone, is
// as much in both. One of 200 cells (bench/two-hundred.yaml) on two cores: how long it takes, and how much of them it uses.
// For a machine with nothing else on it: wall time is what is measured.
//
// On one core, all that V8 does on threads of its own, compiling and collecting garbage, and all that the main thread does takes its
// turn there; left to itself, one worker uses the second core for these. A second worker needs that core for itself, and has to compile
// all for itself: so two workers are also held to one that has both cores.
//
// Two sweeps at once, each on a core of its own, share nothing but the machine: by how much they hold each other up is what the
// machine's two cores are short of two, in caches, memory and clock; and the sweep on two cores is compared with that, too.
"use strict";

const { readFileSync, rmSync, writeFileSync } = require("node:fs");
const { join, parse } = require("node:path");
const { ROOT } = require("../../scripts/run.js");
const { has, timesOf } = require("../harness.js");

const MINUTE = join(ROOT, "bench", "minute.yaml");
/** Of the longer sweep: each guest by rates at so many switches a second. */
const CROSSED = "crossed: { sameMmSwitches: [500, 1500, 5000, 15000] }\n";

exports.prepare = (folder) => {
  if (!has("taskset"))
    return { skipped: "there is no taskset (util-linux), which keeps a program to some cores" };
  const [first, second] = allowedCores();
  if (second === undefined) return { skipped: "there is one core" };
  const longer = join(folder, "longer.yaml");
  writeFileSync(longer, readFileSync(MINUTE, "utf8") + CROSSED);
  const command = (file, cores, { workers = cores.length, copy = "" } = {}) => {
    const out = join(folder, `${parse(file).name}${workers}${copy}`);
    rmSync(out, { recursive: true, force: true });
    const program = [process.execPath, join(ROOT, "bin", "pvtwin.js")];
    const words = [
      "taskset",
      "-c",
      cores.join(","),
      ...program,
      "sweep",
      file,
      "--out",
      out,
      "--workers",
      workers,
    ];
    return words.map((word) => `'${word}'`).join(" ");
  };
  const both = [first, second];
  const sweep = (file, cores, options) => () => timesOf(command(file, cores, options));
  const apart = () =>
    timesOf(both.map((core) => `${command(MINUTE, [core], { copy: core })} &`).join(" ") + " wait");
  return {
    sides: {
      one: sweep(MINUTE, [first]),
      two: sweep(MINUTE, both),
      apart,
      helped: sweep(MINUTE, both, { workers: 1 }),
      longOne: sweep(longer, [first]),
      longTwo: sweep(longer, both),
      cells: sweep(join(ROOT, "bench", "two-hundred.yaml"), both),
    },
    ratios: {
      "of linear, a sweep of a minute on 2 cores to one": linear("one", "two"),
      "of linear, two such sweeps, each on its core": {
        of: ({ one, apart }) => one.wall / apart.wall,
      },
      "of what those reach, a sweep of a minute on 2 cores": {
        of: ({ two, apart }) => apart.wall / two.wall / 2,
        bar: { atLeast: 0.9 },
      },
      "CPU time of those to that of one after the other": {
        of: ({ one, apart }) => apart.cpu / one.cpu / 2,
      },
      "CPU time on 2 cores to that on one, a sweep of a minute": cpuTime("one", "two"),
      "of linear, a longer sweep on 2 cores to one": linear("longOne", "longTwo"),
      "CPU time on 2 cores to that on one, a longer sweep": cpuTime("longOne", "longTwo"),
      "of linear, 2 workers to one worker on 2 cores": linear("helped", "two"),
      "CPU time on 2 workers to that on one, on 2 cores": cpuTime("helped", "two"),
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

/** How much faster side `two` is than `one`, of twice as fast. */
function linear(one, two) {
  return { of: (sample) => sample[one].wall / sample[two].wall / 2, bar: { atLeast: 0.9 } };
}

function cpuTime(one, two) {
  return { of: (sample) => sample[two].cpu / sample[one].cpu, bar: { atMost: 1.1 } };
}

/** Numbers of the cores that this process may run on. */
function allowedCores() {
  const [, list] = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync("/proc/self/status", "utf8"));
  return list.split(",").flatMap((range) => {
    const [from, to = from] = range.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}
