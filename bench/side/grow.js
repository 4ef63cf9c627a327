// grow events|threads|slots|vcpus|boot SIZE PROPOSAL [blocks]: does work of that size; prints {cpu}, or {blocks}.
//
// slots, vcpus: what SIZE, or EVENTS, more events take than BASE do. So the machine's boot, and the collection of what it has
// counted, cancel out: both grow with the vCPUs, as they should, and are no event's cost. Of each the shortest of RUNS, in turn.
"use strict";

const { blockCounter } = require("./blocks.js");
const [what, number, proposal, unit = "cpu"] = process.argv.slice(2);
const blocksOf = unit === "blocks" ? blockCounter() : undefined;

const { loadProposal } = require("../../dist/experiments/evaluate.js");
const { runRates } = require("../../dist/experiments/synthetic/rates.js");
const { TraceRunner } = require("../../dist/experiments/run/trace-runner.js");
const { cpuSince } = require("../harness.js");
const { booted, machineOf, recorded } = require("./machines.js");
const { manyThreads } = require("./many-threads.js");

/** The same number for any number of vCPUs; whole turns of runRates() for 4 and for 16. */
const EVENTS = { cpu: 768_000, blocks: 48_000 };
const BASE = { cpu: 192_000, blocks: 48_000 };
/** Of slots, which take longer. */
const BASE_SLOTS = 2000;
const RUNS = 3;
const STEADY = { otherMmSwitches: 0, slotChurn: 0, forks: 0, idle: 0, placement: "spread" };
const size = Number(number);

const WORK = {
  /** The first so many events of redis_bench, on a fresh machine each time. */
  async events() {
    const recording = await recorded("redis_bench");
    const play = () => {
      const runner = new TraceRunner(booted(proposal, recording));
      let left = size;
      const cost = costOf(() => {
        for (const chunk of recording.chunks) {
          if (left <= 0) break;
          left -= chunk.n;
          runner.consume(chunk);
        }
      });
      return (cost * size) / (size - left);
    };
    if (unit === "blocks") return play();
    play();
    play();
    return play();
  },
  async threads() {
    const { build } = manyThreads(proposal, 1, size);
    return costOf(build);
  },
  async slots() {
    return more({ threads: 2, vcpus: 2, syscalls: 0, sameMmSwitches: 0, slotChurn: 1e5 }, BASE_SLOTS, size);
  },
  async vcpus() {
    const often = { syscalls: 2e5, sameMmSwitches: 1e5, slotChurn: 0 };
    return more({ threads: 2 * size, vcpus: size, ...often }, BASE[unit], EVENTS[unit]);
  },
  /** A machine with so many vCPUs. */
  async boot() {
    const machine = machineOf(proposal, size);
    return costOf(() => machine.boot());
  },
};

/** CPU seconds of `run`, or blocks. */
function costOf(run) {
  if (blocksOf !== undefined) return blocksOf(run);
  const began = process.cpuUsage();
  run();
  return cpuSince(began);
}

/** What `events` more take than `base` do. */
function more(work, base, events) {
  const found = loadProposal(proposal);
  const cost = (n) =>
    costOf(() => runRates({ ...STEADY, ...work }, found, { pcid: true, invpcid: true }, 0, n));
  const few = [];
  const many = [];
  for (let i = 0; i < (unit === "blocks" ? 1 : RUNS + 1); i++) {
    few.push(cost(base));
    many.push(cost(base + events));
  }
  const shortest = (costs) => Math.min(...costs.slice(unit === "blocks" ? 0 : 1));
  return shortest(many) - shortest(few);
}

WORK[what]().then((cost) => console.log(JSON.stringify({ [unit]: cost })));
