// The same sweep of a minute (bench/minute.yaml) on one core and on two, with as many workers: how much faster it is, and how much
// more CPU time it takes. A longer one, 1,344 simulations, in the same way: what each worker does once, and what the main thread does alone, is
// as much in both. One of 200 cells (bench/two-hundred.yaml) on two cores: how long it takes, and how much of them it uses.
// For a machine with nothing else on it: wall time is what is measured. What is compared runs in slices of a second or two, in turn
// (bench/side/slices.js): a host that gives this machine more or less from one minute to the next does so for both of them.
//
// Two in turn, no more: V8 goes by the time between two collections, and a sweep that stands still for several slices seems to it to
// allocate hardly anything; its young generation is collected more often then. That is not the same for both: two workers, with slices of
// a second, collect 224 times in one go, 312 with 2 s of pause behind each slice, 1,357 with 5.5 s, as one of four; one worker, with
// slices of 2 s, 189 times in one go, 187 with 1 s of pause, 303 with 4.5 s.
//
// On one core, all that V8 does on threads of its own, compiling and collecting garbage, and all that the main thread does takes its
// turn there; left to itself, one worker uses the second core for these. A second worker needs that core for itself, and has to compile
// all for itself: so two workers are also held to one that has both cores.
//
// Two sweeps at once, each on a core of its own, share nothing but the machine: by how much they hold each other up is what the
// machine's two cores are short of two, in caches, memory and clock; and the sweep on two cores is compared with that, too.
"use strict";

const { readFileSync, rmSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { ROOT } = require("../../scripts/run.js");
const { has, side, timesOf } = require("../harness.js");

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
  /** Of a sweep from the beginning, on so many of the cores. `name` is that of its results, which are thrown away first. */
  const command = (name, file, cores, workers = cores.length) => {
    const out = join(folder, name);
    rmSync(out, { recursive: true, force: true });
    const node = ["taskset", "-c", cores.join(","), process.execPath, join(ROOT, "bin", "pvtwin.js")];
    const words = [...node, "sweep", file, "--out", out, "--workers", workers];
    return words.map((word) => `'${word}'`).join(" ");
  };
  const both = [first, second];
  const apart = () =>
    both.map((core) => command(`apart-${core}`, MINUTE, [core])).join(" & ") + " && wait $!";
  return {
    sides: {
      minute: () =>
        inSlices({
          one: { command: command("one", MINUTE, [first]), seconds: 2 },
          two: { command: command("two", MINUTE, both), seconds: 1 },
        }),
      apart: () =>
        inSlices({
          one: { command: command("one", MINUTE, [first]), seconds: 2 },
          apart: { command: apart(), seconds: 2 },
        }),
      helped: () =>
        inSlices({
          helped: { command: command("helped", MINUTE, both, 1), seconds: 1.5 },
          two: { command: command("two", MINUTE, both), seconds: 1 },
        }),
      longer: () =>
        inSlices({
          one: { command: command("longer-one", longer, [first]), seconds: 2 },
          two: { command: command("longer-two", longer, both), seconds: 1 },
        }),
      cells: () => timesOf(command("cells", join(ROOT, "bench", "two-hundred.yaml"), both)),
    },
    ratios: {
      "of linear, a sweep of a minute on 2 cores to one": linear("minute", "one", "two"),
      "of linear, two such sweeps, each on its core": {
        of: (sample) => reached(sample.apart),
      },
      "of what those reach, a sweep of a minute on 2 cores": {
        of: (sample) => ofLinear(sample.minute, "one", "two") / reached(sample.apart),
        bar: { atLeast: 0.9 },
      },
      "CPU time of those to that of one after the other": {
        of: ({ apart: { one, apart } }) => apart.cpu / one.cpu / 2,
      },
      "CPU time on 2 cores to that on one, a sweep of a minute": cpuTime("minute", "one", "two"),
      "of linear, a longer sweep on 2 cores to one": linear("longer", "one", "two"),
      "CPU time on 2 cores to that on one, a longer sweep": cpuTime("longer", "one", "two"),
      "of linear, 2 workers to one worker on 2 cores": linear("helped", "helped", "two"),
      "CPU time on 2 workers to that on one, on 2 cores": cpuTime("helped", "helped", "two"),
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

/** {NAME: {cpu, wall}} of {NAME: {command, seconds}}: bench/side/slices.js. */
function inSlices(commands) {
  return side("slices", [JSON.stringify(commands)]);
}

/** Of two runs of a sweep: how much faster `two` is than `one`, of twice as fast. */
function linear(sweep, one, two) {
  return { of: (sample) => ofLinear(sample[sweep], one, two), bar: { atLeast: 0.9 } };
}

function ofLinear(times, one, two) {
  return times[one].wall / times[two].wall / 2;
}

/** By two sweeps at once, of twice what one reaches alone. */
function reached({ one, apart }) {
  return one.wall / apart.wall;
}

function cpuTime(sweep, one, two) {
  return { of: (sample) => sample[sweep][two].cpu / sample[sweep][one].cpu, bar: { atMost: 1.1 } };
}

/** Numbers of the cores that this process may run on. */
function allowedCores() {
  const [, list] = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync("/proc/self/status", "utf8"));
  return list.split(",").flatMap((range) => {
    const [from, to = from] = range.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}
