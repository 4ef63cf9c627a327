// grow events|threads|slots|vcpus SIZE PROPOSAL: does work of that size; prints {cpu}.
"use strict";

const { loadProposal } = require("../../dist/experiments/evaluate.js");
const { runRates } = require("../../dist/experiments/synthetic/rates.js");
const { TraceRunner } = require("../../dist/experiments/run/trace-runner.js");
const { cpuSince, side } = require("../harness.js");
const { booted, recorded } = require("./machines.js");

/** The same number for any number of vCPUs; whole turns of runRates() for 4 and for 16. */
const VCPUS_EVENTS = 192_000;
const STEADY = { otherMmSwitches: 0, slotChurn: 0, forks: 0, idle: 0, placement: "spread" };
const [what, number, proposal] = process.argv.slice(2);
const size = Number(number);
const found = loadProposal(proposal);

const WORK = {
  /** The first so many events of redis_bench, on a fresh machine each time. */
  async events() {
    const recording = await recorded("redis_bench");
    const play = () => {
      const runner = new TraceRunner(booted(proposal, recording));
      const began = process.cpuUsage();
      let left = size;
      for (const chunk of recording.chunks) {
        if (left <= 0) break;
        left -= chunk.n;
        runner.consume(chunk);
      }
      return (cpuSince(began) * size) / (size - left);
    };
    play();
    play();
    return play();
  },
  async threads() {
    return side("many-threads", [proposal, 1, size]).cpu;
  },
  async slots() {
    return rates({ threads: 2, vcpus: 2, syscalls: 0, sameMmSwitches: 0, slotChurn: 1e5 }, size);
  },
  async vcpus() {
    const often = { syscalls: 2e5, sameMmSwitches: 1e5, slotChurn: 0 };
    return rates({ threads: 2 * size, vcpus: size, ...often }, VCPUS_EVENTS);
  },
};

function rates(work, events) {
  const run = () => {
    const began = process.cpuUsage();
    runRates({ ...STEADY, ...work }, found, { pcid: true, invpcid: true }, 0, events);
    return cpuSince(began);
  };
  run();
  return run();
}

WORK[what]().then((cpu) => console.log(JSON.stringify({ cpu })));
