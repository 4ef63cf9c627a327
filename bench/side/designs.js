// designs NAME PROPOSAL N: runs a bundled recording under shared and under PROPOSAL in turn, in one process, until V8 has compiled
// what runs, then N times more each; prints {events, shared, own}: events of a run, and N CPU times each.
// designs NAME blocks PROPOSAL...: runs it once under each, and prints how many blocks of code each run was: {PROPOSAL: blocks}.
//
// Times are without the machine's being built and thrown away, so garbage is collected before each (node --expose-gc). A machine is
// kept until the next one of its proposal is there, or V8 forgets the shapes of its objects, and the code that it compiled for them.
"use strict";

const { blockCounter } = require("./blocks.js");
const [name, what, ...rest] = process.argv.slice(2);
const blocksOf = what === "blocks" ? blockCounter() : undefined;

const { TraceRunner } = require("../../dist/experiments/run/trace-runner.js");
const { cpuSince, quiet } = require("../harness.js");
const { booted, recorded } = require("./machines.js");

/** Behind so many runs each, what is left to compile is of calls that are made here and there. */
const WARM_UP = 6;

recorded(name).then(async (recording) => {
  const { events, chunks } = recording;
  const kept = {};
  const machine = (proposal) => {
    const runner = (kept[proposal] = new TraceRunner(booted(proposal, recording)));
    return () => chunks.forEach((chunk) => runner.consume(chunk));
  };
  if (blocksOf !== undefined) {
    console.log(
      JSON.stringify(Object.fromEntries(rest.map((proposal) => [proposal, blocksOf(machine(proposal))]))),
    );
    return;
  }
  const timed = async (proposal) => {
    const run = machine(proposal);
    global.gc?.();
    await quiet();
    const began = process.cpuUsage();
    run();
    return cpuSince(began);
  };
  const times = { shared: [], own: [] };
  for (let i = 0; i < WARM_UP + Number(rest[0]); i++) {
    times.shared.push(await timed("shared"));
    times.own.push(await timed(what));
  }
  const [shared, own] = [times.shared.slice(WARM_UP), times.own.slice(WARM_UP)];
  console.log(JSON.stringify({ events, shared, own }));
});
