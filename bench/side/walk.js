// walk FOLDER near|far ROUNDS: what bench/walk.c does, with the walk of xen-model/hw. Prints {ns, sum} of a median round.
"use strict";

const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { PtMemory } = require("../../dist/abi/memory.js");
const { State } = require("../../dist/abi/state.js");
const { WalkControl } = require("../../dist/xen-model/hw/control.js");
const { walk, Walk, WALK_OK } = require("../../dist/xen-model/hw/walk.js");
const { cpuSince, spread } = require("../harness.js");

const WARM_UP = 5;
const [folder, reach, rounds] = process.argv.slice(2);
const entries = bigints(join(folder, "tables"));
const accesses = bigints(join(folder, `${reach}.accesses`));
const geometry = { nrFrames: 2 ** 20, nrTables: entries.length / 512, ptes: 512 };
const mem = new PtMemory(new State(PtMemory.bytes(geometry)), geometry);
entries.forEach((entry, i) => {
  mem.words[2 * i] = Number((entry >> 12n) & 0xffffffffn);
  mem.words[2 * i + 1] = Number(
    (entry & 0xfffn) | ((entry >> 52n) << 12n) | (((entry >> 44n) & 0xffn) << 24n),
  );
});
const n = accesses.length / 3;
const column = (Type, at) => Type.from({ length: n }, (_, i) => Number(accesses[3 * i + at]));
const roots = column(Uint32Array, 0);
const vpns = column(Float64Array, 1);
const kinds = column(Uint8Array, 2);
const control = new WalkControl();
control.cpl = 3;
const out = new Walk();

let sum = 0;
const times = [];
for (let i = 0; i < WARM_UP + Number(rounds); i++) {
  const began = process.cpuUsage();
  sum = round();
  times.push(cpuSince(began) * 1e9);
}
console.log(JSON.stringify({ ns: spread(times.slice(WARM_UP)).median, sum }));

function round() {
  let found = 0;
  for (let i = 0; i < n; i++) {
    const answer = walk(mem, control, roots[i], vpns[i], kinds[i], out);
    found += answer === WALK_OK ? out.frame : answer;
  }
  return found;
}

function bigints(file) {
  return new BigUint64Array(new Uint8Array(readFileSync(file)).buffer);
}
