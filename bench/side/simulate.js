// simulate NAME PROPOSAL: runs a bundled recording until V8 has compiled what runs, then once more; prints {events, cpu}.
"use strict";

const { TraceRunner } = require("../../dist/experiments/run/trace-runner.js");
const { cpuSince } = require("../harness.js");
const { booted, recorded } = require("./machines.js");

const WARM_UP = 2;
const [name, proposal] = process.argv.slice(2);

recorded(name).then((recording) => {
  let cpu = 0;
  for (let i = 0; i <= WARM_UP; i++) {
    const runner = new TraceRunner(booted(proposal, recording));
    const began = process.cpuUsage();
    for (const chunk of recording.chunks) runner.consume(chunk);
    cpu = cpuSince(began);
  }
  console.log(JSON.stringify({ events: recording.events, cpu }));
});
