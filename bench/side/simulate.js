// simulate NAME PROPOSAL [blocks]: runs a bundled recording until V8 has compiled what runs, then once more; prints {events, cpu, first}.
//
// cpu: of that last run. first: of the first one, which is what a user of one recording waits for. Both are without the machine's
// being built and thrown away, so garbage is collected before each (node --expose-gc). With `blocks` it runs once, and prints
// {events, blocks}.
"use strict";

const { blockCounter } = require("./blocks.js");
const [name, proposal, unit] = process.argv.slice(2);
const blocksOf = unit === "blocks" ? blockCounter() : undefined;

const { TraceRunner } = require("../../dist/experiments/run/trace-runner.js");
const { cpuSince } = require("../harness.js");
const { booted, recorded } = require("./machines.js");

const WARM_UP = 8;

recorded(name).then((recording) => {
  const { events, chunks } = recording;
  const machine = () => {
    const runner = new TraceRunner(booted(proposal, recording));
    return () => chunks.forEach((chunk) => runner.consume(chunk));
  };
  if (blocksOf !== undefined) {
    console.log(JSON.stringify({ events, blocks: blocksOf(machine()) }));
    return;
  }
  let cpu = 0;
  let first = 0;
  for (let i = 0; i <= WARM_UP; i++) {
    const run = machine();
    global.gc?.();
    const began = process.cpuUsage();
    run();
    cpu = cpuSince(began);
    if (i === 0) first = cpu;
  }
  console.log(JSON.stringify({ events, cpu, first }));
});
