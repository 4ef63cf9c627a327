// simulate NAME PROPOSAL: runs a bundled recording until V8 has compiled what runs, then once more; prints {events, cpu, first}.
//
// cpu: of that last run. first: of the first one, which is what a user of one recording waits for. Both are without the machine's
// being built and thrown away, so garbage is collected before each (node --expose-gc).
"use strict";

const { TraceRunner } = require("../../dist/experiments/run/trace-runner.js");
const { cpuSince } = require("../harness.js");
const { booted, recorded } = require("./machines.js");

const WARM_UP = 8;
const [name, proposal] = process.argv.slice(2);

recorded(name).then((recording) => {
  let cpu = 0;
  let first = 0;
  for (let i = 0; i <= WARM_UP; i++) {
    const runner = new TraceRunner(booted(proposal, recording));
    global.gc?.();
    const began = process.cpuUsage();
    for (const chunk of recording.chunks) runner.consume(chunk);
    cpu = cpuSince(began);
    if (i === 0) first = cpu;
  }
  console.log(JSON.stringify({ events: recording.events, cpu, first }));
});
