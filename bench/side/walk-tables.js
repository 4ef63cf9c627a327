// Writes FOLDER/tables, and near, far and once.accesses (their form: bench/walk.c), from a machine that has run half of make_j2.
//
// near, far: 65,536 pages drawn from those of one process, or of all. once: the pages of all processes, a process after the
// other, each page once, in an order drawn; without those below the end of the tables, which Unicorn before 2.1 takes for
// the tables themselves (bench/walk-unicorn.c).
"use strict";

const { writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { asEntries } = require("./entries.js");
const { playHalf } = require("./machines.js");

const ACCESSES = 65536;
const NEAR = 512;
const [folder] = process.argv.slice(2);

playHalf("make_j2").then(({ memory, linux }) => {
  const entries = asEntries(memory);
  writeFileSync(join(folder, "tables"), entries);
  const pages = userPages(memory, linux);
  for (const [name, among] of [
    ["near", pages.slice(0, NEAR)],
    ["far", pages],
  ]) {
    const accesses = new BigUint64Array(3 * ACCESSES);
    const draw = drawsBelow();
    for (let i = 0; i < ACCESSES; i++) accesses.set(among[draw(among.length)], 3 * i);
    writeFileSync(join(folder, `${name}.accesses`), accesses);
  }
  const once = pages.filter(([, vpn]) => vpn >= entries.length / 512);
  shuffleByRoot(once, drawsBelow());
  writeFileSync(join(folder, "once.accesses"), BigUint64Array.from(once.flat()));
  console.log(JSON.stringify({ accesses: ACCESSES, pages: pages.length, once: once.length }));
});

/** A function of `n` that draws from 0..n-1, the same each time that this runs. */
function drawsBelow() {
  let random = 12345;
  return (n) => {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    return Math.floor((random / 2 ** 32) * n);
  };
}

/** Pages of one root stay in a row. */
function shuffleByRoot(pages, draw) {
  for (let from = 0, to; from < pages.length; from = to) {
    for (to = from; to < pages.length && pages[to][0] === pages[from][0];) to++;
    for (let i = to - 1; i > from; i--) {
      const j = from + draw(i + 1 - from);
      [pages[i], pages[j]] = [pages[j], pages[i]];
    }
  }
}

/** Each page of user space that a table of any process maps: root, vpn, kind of access. */
function userPages(memory, linux) {
  const pages = [];
  const visit = (root, table, level, base) => {
    for (let slot = 0; slot < (level === 4 ? 256 : 512); slot++) {
      const flags = memory.flags(table, slot);
      if ((flags & 1) === 0) continue;
      const at = base * 512 + slot;
      if (level > 1) visit(root, memory.frame(table, slot), level - 1, at);
      else if ((flags & 4) !== 0) pages.push([root, at, (flags >> 1) & 1].map(BigInt));
    }
  };
  for (const root of linux.mms.pgd) if (root !== 0) visit(root, root, 4, 0);
  return pages;
}
