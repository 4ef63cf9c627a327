// grow events|threads|slots|vcpus|boot FEW MANY PROPOSAL [blocks]: does work of these two sizes; prints {few, many}: CPU seconds of each,
// or blocks of code.
//
// In turn, RUNS times each, and of each the shortest: pieces so short, and so many, that both meet a host which changes its speed from
// second to second at its better one. Of several guests that stay (GUESTS) the median of these, as two of one size differ by up to 7 %,
// by where their memory lies. What a machine costs however it is used, to boot it and to collect what it has counted, is no part
// of it, but where it is what is asked for.
"use strict";

const { blockCounter } = require("./blocks.js");
const [what, few, many, proposal, unit = "cpu"] = process.argv.slice(2);
const blocksOf = unit === "blocks" ? blockCounter() : undefined;

const { loadProposal } = require("../../dist/experiments/evaluate.js");
const { duration, forEachHappening } = require("../../dist/experiments/synthetic/happenings.js");
const { RatedGuest } = require("../../dist/experiments/synthetic/rates.js");
const { TraceRunner } = require("../../dist/experiments/run/trace-runner.js");
const { ReusedBytes } = require("../../dist/machine/reused-bytes.js");
const { cpuSince, quiet, spread } = require("../harness.js");
const { booted, machineOf, recorded } = require("./machines.js");
const { manyThreads } = require("./many-threads.js");

const RUNS = 40;
/** By what: more than one, by time. */
const GUESTS = { vcpus: 5 };
/** On any number of vCPUs: whole turns of forEachHappening() for 4 and for 16. */
const EVENTS = 48_000;
/** On all vCPUs together, so that their tables take as much of the caches, however many vCPUs there are. */
const THREADS = 32;
const STEADY = {
  sameMmSwitches: 0,
  otherMmSwitches: 0,
  slotChurn: 0,
  forks: 0,
  idle: 0,
  placement: "spread",
};

/** By what: of a size, a function that makes all ready, and answers the work, each time anew. */
const WORK = {
  /** The first so many events of redis_bench, on a fresh machine. */
  async events(size) {
    const recording = await recorded("redis_bench");
    const chunks = firstRows(recording.chunks, size);
    return () => {
      const runner = new TraceRunner(booted(proposal, recording));
      return () => chunks.forEach((chunk) => runner.consume(chunk));
    };
  },
  /** So many threads of one process. */
  threads: (size) => () => manyThreads(proposal, 1, size).build,
  /** So often a top-level slot is mapped, touched and unmapped, in one guest. */
  slots: (size) => rated({ threads: 2, vcpus: 2, syscalls: 0, slotChurn: 1e5 }, size),
  /** System calls, and switches between the threads of each vCPU, in one guest with so many vCPUs. */
  vcpus: (size) => rated({ threads: THREADS, vcpus: size, syscalls: 2e5, sameMmSwitches: 1e5 }, EVENTS),
  /** A machine with so many vCPUs. In memory that is there: the C library takes a small machine's from what it has, a large one's anew. */
  boot: (size) => {
    const bytes = new ReusedBytes();
    return () => {
      const machine = machineOf(proposal, size, bytes);
      return () => machine.boot();
    };
  },
};

/** Rows of one recording up to number `size`. */
function firstRows(chunks, size) {
  const first = [];
  for (const chunk of chunks) {
    if (size <= 0) break;
    first.push(Object.create(chunk, { n: { value: Math.min(chunk.n, size) } }));
    size -= chunk.n;
  }
  return first;
}

/** `events` more of some work by rates, in a guest that has done as many before. */
function rated(rates, events) {
  const work = { ...STEADY, ...rates };
  const guest = new RatedGuest(work, loadProposal(proposal), { pcid: true, invpcid: true });
  const seconds = duration(work, events);
  const run = () => forEachHappening(work, 0, seconds, guest);
  run();
  return () => run;
}

/** What makes a machine each time, and throws one away. */
const FRESH = ["events", "threads", "boot"];

/**
 * CPU seconds of `run`, or blocks. Garbage is collected only where there is much: behind that V8 compiles some of what runs anew, as the
 * shapes of what has gone are forgotten, and a piece takes three times as long.
 */
async function costOf(run) {
  if (blocksOf !== undefined) return blocksOf(run);
  if (FRESH.includes(what)) global.gc?.();
  await quiet();
  const began = process.cpuUsage();
  run();
  return cpuSince(began);
}

/** Of each size, what runs: until the next one is there, see simulate.js. */
const kept = [];

/** The shortest of `runs` of each size, in turn. */
async function shortest(sizes, runs) {
  const costs = [[], []];
  for (let i = 0; i < runs; i++) {
    for (const [s, ready] of sizes.entries()) {
      kept[s] = ready();
      costs[s].push(await costOf(kept[s]));
    }
  }
  return costs.map((all) => Math.min(...all));
}

async function main() {
  const [guests, runs] = blocksOf === undefined ? [GUESTS[what] ?? 1, RUNS] : [1, 1];
  const all = []; // they stay
  const found = [];
  for (let g = 0; g < guests; g++) {
    all.push([await WORK[what](Number(few)), await WORK[what](Number(many))]);
    found.push(await shortest(all[g], runs));
  }
  const [ofFew, ofMany] = [0, 1].map((s) => spread(found.map((costs) => costs[s])).median);
  console.log(JSON.stringify({ few: ofFew, many: ofMany }));
}

main();
