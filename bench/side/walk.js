// walk FOLDER near|far|once ROUNDS [MARKS]: what bench/walk.c does, with the walk of xen-model/hw. Prints {ns, sum, read}: of a
// median round, the sum over all answers, and that over the frames of reads. Writes to MARKS what bench/walk-unicorn.c does.
"use strict";

const { readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { PtMemory } = require("../../dist/abi/memory.js");
const { _PAGE_ACCESSED, _PAGE_DIRTY, _PAGE_NX } = require("../../dist/abi/page.js");
const { State } = require("../../dist/abi/state.js");
const { ACCESS_READ, WalkControl } = require("../../dist/xen-model/hw/control.js");
const { walk, Walk, WALK_OK } = require("../../dist/xen-model/hw/walk.js");
const { cpuSince, spread } = require("../harness.js");
const { asEntry } = require("./entries.js");

const WARM_UP = 5;
/** At least so many walks are timed at once, the list again and again. */
const TIMED = 65536;
const [folder, reach, rounds, marks] = process.argv.slice(2);
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

if (marks !== undefined) writeFileSync(marks, marked());
let sum = 0;
const times = [];
const repeats = Math.ceil(TIMED / n);
for (let i = 0; i < WARM_UP + Number(rounds); i++) {
  const began = process.cpuUsage();
  for (let repeat = 0; repeat < repeats; repeat++) sum = round();
  times.push((cpuSince(began) * 1e9) / repeats);
}
console.log(JSON.stringify({ ns: spread(times.slice(WARM_UP)).median, sum, read: sumOfReads() }));

function round() {
  let found = 0;
  for (let i = 0; i < n; i++) {
    const answer = walk(mem, control, roots[i], vpns[i], kinds[i], out);
    found += answer === WALK_OK ? out.frame : answer;
  }
  return found;
}

/** The tables without NX, with A and D as one round leaves them where none was set. */
function marked() {
  for (let i = 1; i < mem.words.length; i += 2) mem.words[i] &= ~(_PAGE_ACCESSED | _PAGE_DIRTY);
  round();
  return BigUint64Array.from(entries, (_, i) => asEntry(mem.words[2 * i], mem.words[2 * i + 1] & ~_PAGE_NX));
}

function sumOfReads() {
  let frames = 0;
  for (let i = 0; i < n; i++) {
    if (kinds[i] !== ACCESS_READ) continue;
    if (walk(mem, control, roots[i], vpns[i], kinds[i], out) === WALK_OK) frames += out.frame;
  }
  return frames;
}

function bigints(file) {
  return new BigUint64Array(new Uint8Array(readFileSync(file)).buffer);
}
