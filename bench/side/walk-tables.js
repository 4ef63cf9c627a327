// Writes FOLDER/tables, near.accesses, far.accesses (their form: bench/walk.c) from a machine that has run half of make_j2.
"use strict";

const { writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { playHalf } = require("./machines.js");

const ACCESSES = 65536;
const NEAR = 512;
const [folder] = process.argv.slice(2);

playHalf("make_j2").then(({ memory, linux }) => {
  writeFileSync(join(folder, "tables"), asEntries(memory));
  const pages = userPages(memory, linux);
  for (const [name, among] of [
    ["near", pages.slice(0, NEAR)],
    ["far", pages],
  ]) {
    const accesses = new BigUint64Array(3 * ACCESSES);
    let random = 12345;
    for (let i = 0; i < ACCESSES; i++) {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
      accesses.set(among[Math.floor((random / 2 ** 32) * among.length)], 3 * i);
    }
    writeFileSync(join(folder, `${name}.accesses`), accesses);
  }
  console.log(JSON.stringify({ accesses: ACCESSES, pages: pages.length }));
});

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

/** The words of pvtwin (abi/page.ts) as the processor's entries of 64 bits, up to the last that is not zero. */
function asEntries({ words }) {
  let last = words.length - 1;
  while (last > 0 && words[last] === 0) last--;
  const entries = new BigUint64Array((Math.floor(last / 1024) + 1) * 512);
  for (let i = 0; i < entries.length; i++) {
    const [frame, flags] = [words[2 * i], words[2 * i + 1]];
    if (frame === 0 && flags === 0) continue;
    const high = BigInt((flags >>> 12) & 0xfff);
    entries[i] =
      (high << 52n) | (BigInt(flags >>> 24) << 44n) | (BigInt(frame) << 12n) | BigInt(flags & 0xfff);
  }
  return entries;
}
