/**
 * Huffman-coded literals of zstd, in one stream or in four.
 *
 * Mirrors: RFC 8878, 4.2; HUF_readDTableX1() and HUF_decompress4X1(), linux lib/zstd/decompress/huf_decompress.c.
 */
import { bitsOf, bitsAt, windowAt } from "./bits";
import { buildTable, COUNTS, log, readCounts, symbols } from "./fse";

const MAX_BITS: u32 = 11;
const WEIGHTS_LOG: u32 = 6;

/** By the next 11 bits: the bits of the code (1 byte), its symbol (1). */
const CODES = <u32>memory.data((1 << 11) * 2);

const WEIGHTS = <u32>memory.data(256);
const WEIGHT_STATES = <u32>memory.data(8 << 6);
const RANKS = <u32>memory.data(16 * 4);

/** Read the description of a code. Returns what follows it, or 0 if it is wrong. */
export function readCode(at: u32, end: u32): u32 {
  if (at >= end) return 0;
  const header: u32 = load<u8>(at++);
  let count: u32;
  if (header >= 128) {
    count = header - 127;
    const bytes = (count + 1) >> 1;
    if (bytes > end - at) return 0;
    for (let i: u32 = 0; i < count; i++) {
      const two: u32 = load<u8>(at + (i >> 1));
      store<u8>(WEIGHTS + i, (i & 1) == 0 ? two >> 4 : two & 15);
    }
    at += bytes;
  } else {
    if (header > end - at) return 0;
    count = readWeights(at, at + header);
    if (count == 0) return 0;
    at += header;
  }
  return buildCodes(count) ? at : 0;
}

/** Weights by two states that take turns. Returns how many there are, or 0 if they are wrong. */
function readWeights(at: u32, end: u32): u32 {
  const stream = readCounts(at, end, WEIGHTS_LOG, 13);
  if (stream == 0) return 0;
  buildTable(WEIGHT_STATES, COUNTS, symbols, log, 0, 0);
  let left = bitsOf(stream, end) - <i32>(2 * log);
  if (left < 0) return 0;
  let one = bitsAt(stream, left + <i32>(2 * log), log);
  let two = bitsAt(stream, left + <i32>log, log);
  for (let count: u32 = 0; count < 254;) {
    const entry = WEIGHT_STATES + (one << 3);
    store<u8>(WEIGHTS + count++, load<u8>(entry + 4));
    const bits: u32 = load<u8>(entry + 2);
    if (<i32>bits > left) {
      // That was the last of its state; the other one has its own to say.
      store<u8>(WEIGHTS + count++, load<u8>(WEIGHT_STATES + (two << 3) + 4));
      return count;
    }
    one = two;
    two = load<u16>(entry) + (bits == 0 ? 0 : bitsAt(stream, left, bits));
    left -= bits;
  }
  return 0;
}

/** Codes from weights; the last symbol's weight is what the sum lacks to a power of two. */
function buildCodes(count: u32): bool {
  memory.fill(RANKS, 0, 64);
  let sum: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const weight: u32 = load<u8>(WEIGHTS + i);
    if (weight > MAX_BITS) return false;
    store<u32>(RANKS + (weight << 2), load<u32>(RANKS + (weight << 2)) + 1);
    if (weight > 0) sum += 1 << (weight - 1);
  }
  if (sum == 0) return false;
  const maxBits: u32 = 32 - clz<u32>(sum);
  if (maxBits > MAX_BITS) return false;
  const rest: u32 = (1 << maxBits) - sum;
  if ((rest & (rest - 1)) != 0) return false;
  const lastWeight: u32 = 32 - clz<u32>(rest);
  store<u8>(WEIGHTS + count++, lastWeight);
  store<u32>(RANKS + (lastWeight << 2), load<u32>(RANKS + (lastWeight << 2)) + 1);

  // The table has 11 bits whatever the longest code; lighter symbols, with longer codes, come first.
  const wider = MAX_BITS - maxBits;
  let place: u32 = 0;
  for (let weight: u32 = 1; weight <= maxBits; weight++) {
    const here = load<u32>(RANKS + (weight << 2));
    store<u32>(RANKS + (weight << 2), place);
    place += here << (weight - 1 + wider);
  }
  for (let symbol: u32 = 0; symbol < count; symbol++) {
    const weight: u32 = load<u8>(WEIGHTS + symbol);
    if (weight == 0) continue;
    const first = load<u32>(RANKS + (weight << 2));
    const next: u32 = first + (1 << (weight - 1 + wider));
    store<u32>(RANKS + (weight << 2), next);
    const entry = (maxBits + 1 - weight) | (symbol << 8);
    for (let i = first; i < next; i++) store<u16>(CODES + (i << 1), entry);
  }
  return true;
}

/** Decode `count` literals of one stream to `to`. Returns false if they and the stream do not end together. */
export function decodeOne(start: u32, end: u32, to: u32, count: u32): bool {
  const left = bitsOf(start, end);
  return left >= 0 && finish(start, left, to, to + count);
}

/** Decode `count` literals of four streams, behind a table of the sizes of the first three. */
export function decodeFour(at: u32, end: u32, to: u32, count: u32): bool {
  if (end - at < 6) return false;
  const a = at + 6;
  const b = a + <u32>load<u16>(at);
  const c = b + <u32>load<u16>(at + 2);
  const d = c + <u32>load<u16>(at + 4);
  const each: u32 = (count + 3) >> 2;
  if (d > end || each * 3 > count) return false;
  let aLeft = bitsOf(a, b);
  let bLeft = bitsOf(b, c);
  let cLeft = bitsOf(c, d);
  let dLeft = bitsOf(d, end);
  if (aLeft < 0 || bLeft < 0 || cLeft < 0 || dLeft < 0) return false;

  // Five codes take 55 bits at most, of the 57 that a window has.
  let to_ = to;
  const stop = to + count - 3 * each;
  while (to_ + 5 <= stop && aLeft >= 55 && bLeft >= 55 && cLeft >= 55 && dLeft >= 55) {
    let aBits = windowAt(a, aLeft);
    let bBits = windowAt(b, bLeft);
    let cBits = windowAt(c, cLeft);
    let dBits = windowAt(d, dLeft);
    for (let i: u32 = 0; i < 5; i++) {
      const aCode: u32 = load<u16>(CODES + ((<u32>(aBits >> 53)) << 1));
      const bCode: u32 = load<u16>(CODES + ((<u32>(bBits >> 53)) << 1));
      const cCode: u32 = load<u16>(CODES + ((<u32>(cBits >> 53)) << 1));
      const dCode: u32 = load<u16>(CODES + ((<u32>(dBits >> 53)) << 1));
      store<u8>(to_, aCode >> 8);
      store<u8>(to_ + each, bCode >> 8);
      store<u8>(to_ + 2 * each, cCode >> 8);
      store<u8>(to_ + 3 * each, dCode >> 8);
      to_++;
      aBits <<= aCode & 15;
      bBits <<= bCode & 15;
      cBits <<= cCode & 15;
      dBits <<= dCode & 15;
      aLeft -= aCode & 15;
      bLeft -= bCode & 15;
      cLeft -= cCode & 15;
      dLeft -= dCode & 15;
    }
  }
  return (
    finish(a, aLeft, to_, to + each) &&
    finish(b, bLeft, to_ + each, to + 2 * each) &&
    finish(c, cLeft, to_ + 2 * each, to + 3 * each) &&
    finish(d, dLeft, to_ + 3 * each, to + count)
  );
}

/** The literals up to `end` of the stream at `start`, of which `left` bits remain; all of them have to be used. */
function finish(start: u32, left: i32, to: u32, end: u32): bool {
  while (to < end) {
    if (left <= 0) return false;
    const code: u32 = load<u16>(CODES + ((<u32>(windowAt(start, left) >> 53)) << 1));
    store<u8>(to++, code >> 8);
    left -= code & 15;
  }
  return left == 0;
}
