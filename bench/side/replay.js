// replay FILE...: the hypercalls of recorded scripts, PASSES times; of each the shortest time. Prints {hypercalls, cpu}.
//
// There are few scripts: after 5 passes V8 has not yet compiled half of what they run.
"use strict";

const { readFileSync } = require("node:fs");
const { GuestMachine } = require("../../dist/experiments/replay/guest-machine.js");
const { replayScript, runOp } = require("../../dist/experiments/replay/replay-script.js");
const { is_pv_32bit, parseScript } = require("../../dist/experiments/replay/script.js");

const PASSES = 20;
const HYPERCALLS = new Set(["home", "update_va_mapping", "mmu_update", "mmuext", "multicall", "set_gdt"]);

const scripts = process.argv.slice(2).flatMap((file) =>
  readFileSync(file, "utf8")
    .split("\n")
    .flatMap((text, i) => (text.trim() === "" ? [] : [parseScript(text, file, i + 1)])),
);
const machines = new Map();
const shortest = new Map();
let hypercalls = 0;
for (let pass = 0; pass < PASSES; pass++) {
  for (const script of scripts)
    replayScript(machineFor(script), script, () => undefined, pass === 0 ? counted : timed);
}
const nanoseconds = [...shortest.values()].reduce((sum, ns) => sum + ns, 0);
console.log(JSON.stringify({ hypercalls, cpu: nanoseconds / 1e9 }));

function machineFor(script) {
  const pv32 = is_pv_32bit(script);
  const key = `${script.pages} ${pv32}`;
  if (!machines.has(key))
    machines.set(key, new GuestMachine(script.pages, { preempt: 0, version: "4.17", pv32 }));
  return machines.get(key);
}

function counted(machine, op) {
  if (HYPERCALLS.has(op.op)) hypercalls += op.op === "multicall" ? op.calls.length : 1;
  return timed(machine, op);
}

function timed(machine, op) {
  if (!HYPERCALLS.has(op.op)) return runOp(machine, op);
  const began = process.hrtime.bigint();
  const result = runOp(machine, op);
  const ns = Number(process.hrtime.bigint() - began);
  shortest.set(op, Math.min(ns, shortest.get(op) ?? ns));
  return result;
}
