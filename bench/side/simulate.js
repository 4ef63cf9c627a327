// simulate NAME PROPOSAL WARM_UP|blocks: runs a bundled recording WARM_UP times, so that V8 compiles what runs, then a few times more;
// prints {events, cpu, first}.
//
// cpu: the shortest of those last runs, as whatever made another longer was none of its work; there are so many that a host which
// changes its speed from second to second is met at its better one. first: of the first one, which is what a user of one recording
// waits for. Both are without the machine's being built and thrown away (node --expose-gc). A machine is kept until the next one is
// there: V8 forgets the shape of objects of which it finds none left, and all code that it compiled for them. With `blocks` it runs
// once, and prints {events, blocks}.
"use strict";

const { blockCounter } = require("./blocks.js");
const [name, proposal, unit] = process.argv.slice(2);
const blocksOf = unit === "blocks" ? blockCounter() : undefined;

const { TraceRunner } = require("../../dist/experiments/run/trace-runner.js");
const { cpuSince, quiet } = require("../harness.js");
const { booted, recorded } = require("./machines.js");

const MEASURED = 20;

recorded(name).then(async (recording) => {
  const { events, chunks } = recording;
  const machine = () => {
    const runner = new TraceRunner(booted(proposal, recording));
    return () => chunks.forEach((chunk) => runner.consume(chunk));
  };
  if (blocksOf !== undefined) {
    console.log(JSON.stringify({ events, blocks: blocksOf(machine()) }));
    return;
  }
  const cpus = [];
  let run;
  const warmUp = Number(unit);
  for (let i = 0; i < warmUp + MEASURED; i++) {
    run = machine();
    global.gc?.();
    await quiet();
    const began = process.cpuUsage();
    run();
    cpus.push(cpuSince(began));
  }
  const cpu = Math.min(...cpus.slice(warmUp));
  console.log(JSON.stringify({ events, cpu, first: cpus[0] }));
});
