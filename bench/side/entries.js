// The processor's entries of 64 bits, of the words in which pvtwin keeps them (abi/page.ts).
"use strict";

/** One entry, of its frame and its flags. */
function asEntry(frame, flags) {
  if (frame === 0 && flags === 0) return 0n;
  const high = BigInt((flags >>> 12) & 0xfff);
  return (high << 52n) | (BigInt(flags >>> 24) << 44n) | (BigInt(frame) << 12n) | BigInt(flags & 0xfff);
}

/** All of a memory, up to the last that is not zero. */
function asEntries({ words }) {
  let last = words.length - 1;
  while (last > 0 && words[last] === 0) last--;
  const entries = new BigUint64Array((Math.floor(last / 1024) + 1) * 512);
  for (let i = 0; i < entries.length; i++) entries[i] = asEntry(words[2 * i], words[2 * i + 1]);
  return entries;
}

module.exports = { asEntries, asEntry };
