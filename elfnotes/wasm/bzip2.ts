/**
 * A block of bzip2: Huffman codes give places in a list of bytes, of which each moves to the front when it is named,
 * and runs of the first one. bzip2Unsort() makes of the sorted bytes what they were.
 *
 * Mirrors: BZ2_decompress(), decompress.c of bzip2 1.0; get_next_block(), linux lib/decompress_bunzip2.c.
 */
import { DONE, failed, from, MORE, moved, to } from "./state";

export const BZIP2_NO_END: u32 = 16;
export const BZIP2_RANDOMISED: u32 = 17;
export const BZIP2_NO_BYTES: u32 = 18;
export const BZIP2_CODES: u32 = 19;
export const BZIP2_NO_SYMBOLS: u32 = 20;
export const BZIP2_SELECTOR: u32 = 21;
export const BZIP2_LENGTH: u32 = 22;
export const BZIP2_GROUPS: u32 = 23;
export const BZIP2_NO_CODE: u32 = 24;
export const BZIP2_RUN: u32 = 25;
export const BZIP2_LEVEL: u32 = 26;
export const BZIP2_ORIGIN: u32 = 27;

const MAX_CODE: u32 = 20;
const MAX_CODES: u32 = 6;
const MAX_SELECTORS: u32 = 1 << 15;
const GROUP: u32 = 50; // symbols of one code
const RUN_A: u32 = 0;
const RUN_B: u32 = 1;

/** By the next FAST bits: the length of the code above SYMBOL_BITS, its symbol below; 0 where the code is longer. */
const FAST: u32 = 10;
const SYMBOL_BITS: u32 = 9; // at most 258 symbols

/** Of a code. By length, 4 bytes each: 1 more than the last code of it, at the top of 20 bits; then a symbol's place. */
const LIMIT: u32 = 2 << FAST;
const OFFSET: u32 = LIMIT + 4 * (MAX_CODE + 1);
const SYMBOLS: u32 = OFFSET + 4 * (MAX_CODE + 1);
const CODE_SIZE: u32 = SYMBOLS + 2 * 260;

const LENGTHS = <u32>memory.data(260);
const ORDER = <u32>memory.data(8);

/** The list that bytes move to the front of; the first 16 are in a register while symbols are read. */
const BYTES = <u32>memory.data(256 + 16);

/** By a place below 16: which of 16 bytes come where, when that one moves to the front. */
const TO_FRONT = <u32>memory.data(16 * 16);

/** By the byte: how many are before its first one, in a block. */
const STARTS = <u32>memory.data(256 * 4);

/** CRC-32 with the highest bit first, which bzip2 has for itself. */
const CRC_TABLE = <u32>memory.data(256 * 4);

/** Where the caller has room: for codes, which code each group of symbols has, and the words of a block. */
let codes_: u32 = 0;
let selectors_: u32 = 0;
let sorted_: u32 = 0;

/** How many bits of the byte at `from` have been read. */
let bit_: u32 = 0;

/** How many bytes the block has, sorted. */
export let bzip2Symbols: u32 = 0;

/** The next 57 bits or more at the top; those beyond the end of the stream are of no use to anybody. */
function windowAt(at: u32, bit: u32): u64 {
  return bswap<u64>(load<u64>(at + (bit >> 3))) << (bit & 7);
}

/** Before the first block. At `tables` is room for 49,184 bytes, and behind them for the words of a block. */
export function bzip2Begin(tables: u32): void {
  codes_ = tables;
  selectors_ = codes_ + MAX_CODES * CODE_SIZE;
  sorted_ = selectors_ + MAX_SELECTORS;
  for (let place: u32 = 0; place < 16; place++) {
    for (let i: u32 = 0; i < 16; i++) {
      store<u8>(TO_FRONT + (place << 4) + i, i == 0 ? place : i <= place ? i - 1 : i);
    }
  }
  for (let byte: u32 = 0; byte < 256; byte++) {
    let crc = byte << 24;
    for (let i = 0; i < 8; i++) crc = (crc << 1) ^ (crc >> 31 != 0 ? 0x04c1_1db7 : 0);
    store<u32>(CRC_TABLE + (byte << 2), crc);
  }
}

/** Read `count` bits, from 1 to 32; 0 and `from` beyond `end` where there are not so many. */
export function bzip2Bits(end: u32, count: u32): u32 {
  const value = <u32>(windowAt(from, bit_) >> (64 - count));
  bit_ += count;
  moved(from + (bit_ >> 3), to);
  bit_ &= 7;
  if (from + (bit_ > 0 ? 1 : 0) <= end) return value;
  moved(end + 1, to);
  return 0;
}

/** To the next whole byte. */
export function bzip2Align(): void {
  if (bit_ > 0) moved(from + 1, to);
  bit_ = 0;
}

/** Returns `failure` at the bit. */
function wrong(failure: u32, at: u32, bit: u32, end: u32, about: u32 = 0): u32 {
  return failed(failure, min(at + ((bit + 7) >> 3), end), to, about);
}

/** Read a block behind its CRC, of at most `most` bytes, for bzip2Unsort(). */
export function bzip2Block(end: u32, most: u32): u32 {
  const at = from;
  let bit = bit_;
  const stop: u32 = (end - at) << 3;
  if (bit + 25 > stop) return wrong(BZIP2_NO_END, at, stop, end);
  const head = windowAt(at, bit);
  if (head >> 63 != 0) return wrong(BZIP2_RANDOMISED, at, bit + 1, end);
  const origin = (<u32>(head >> 39)) & 0xff_ffff;
  bit += 25;

  // The bytes that the block has, in order: 16 bits say which groups of 16 have any.
  if (bit + 16 > stop) return wrong(BZIP2_NO_END, at, stop, end);
  const groups = <u32>(windowAt(at, bit) >> 48);
  bit += 16;
  let count: u32 = 0;
  for (let high: u32 = 0; high < 16; high++) {
    if ((groups & (0x8000 >> high)) == 0) continue;
    if (bit + 16 > stop) return wrong(BZIP2_NO_END, at, stop, end);
    const members = <u32>(windowAt(at, bit) >> 48);
    bit += 16;
    for (let low: u32 = 0; low < 16; low++) {
      if ((members & (0x8000 >> low)) != 0) store<u8>(BYTES + count++, (high << 4) | low);
    }
  }
  if (count == 0) return wrong(BZIP2_NO_BYTES, at, bit, end);
  const endOfBlock = count + 1;

  if (bit + 18 > stop) return wrong(BZIP2_NO_END, at, stop, end);
  const counts = <u32>(windowAt(at, bit) >> 46);
  const codes = counts >> 15;
  if (codes < 2 || codes > MAX_CODES) return wrong(BZIP2_CODES, at, bit + 3, end, codes);
  const selectors = counts & 0x7fff;
  bit += 18;
  if (selectors == 0) return wrong(BZIP2_NO_SYMBOLS, at, bit, end);
  for (let i: u32 = 0; i < codes; i++) store<u8>(ORDER + i, i);
  for (let i: u32 = 0; i < selectors; i++) {
    const place = <u32>clz<u64>(~windowAt(at, bit));
    bit += place + 1;
    if (bit > stop) return wrong(BZIP2_NO_END, at, stop, end);
    if (place >= codes) return wrong(BZIP2_SELECTOR, at, bit - 1 - (place - codes), end);
    const selected: u32 = load<u8>(ORDER + place);
    for (let j = place; j > 0; j--) store<u8>(ORDER + j, load<u8>(ORDER + j - 1));
    store<u8>(ORDER, selected);
    store<u8>(selectors_ + i, selected);
  }

  for (let code: u32 = 0; code < codes; code++) {
    if (bit + 5 > stop) return wrong(BZIP2_NO_END, at, stop, end);
    let length = <u32>(windowAt(at, bit) >> 59);
    bit += 5;
    for (let symbol: u32 = 0; symbol < count + 2; symbol++) {
      for (;;) {
        if (length < 1 || length > MAX_CODE) return wrong(BZIP2_LENGTH, at, bit, end, length);
        const two = <u32>(windowAt(at, bit) >> 62);
        bit += two < 2 ? 1 : 2;
        if (bit > stop) return wrong(BZIP2_NO_END, at, stop, end);
        if (two < 2) break;
        length += two == 2 ? 1 : -1;
      }
      store<u8>(LENGTHS + symbol, length);
    }
    buildCode(codes_ + code * CODE_SIZE, count + 2);
  }

  const status = readSymbols(at, bit, end, selectors, endOfBlock, most);
  if (status != DONE) return status;
  if (origin >= bzip2Symbols) return wrong(BZIP2_ORIGIN, from, bit_, end, origin);
  link(origin);
  return DONE;
}

/** A canonical code of `count` symbols from their LENGTHS. */
function buildCode(code: u32, count: u32): void {
  memory.fill(code, 0, LIMIT);
  let placed: u32 = 0;
  let next: u32 = 0;
  for (let bits: u32 = 1; bits <= MAX_CODE; bits++) {
    store<u32>(code + OFFSET + (bits << 2), placed - next);
    for (let symbol: u32 = 0; symbol < count; symbol++) {
      if (<u32>load<u8>(LENGTHS + symbol) != bits) continue;
      store<u16>(code + SYMBOLS + (placed++ << 1), symbol);
      if (bits <= FAST) {
        const first = next << (FAST - bits);
        const last = min(first + (1 << (FAST - bits)), 1 << FAST); // lengths that are damaged go beyond
        for (let i = first; i < last; i++) store<u16>(code + (i << 1), (bits << SYMBOL_BITS) | symbol);
      }
      next++;
    }
    store<u32>(code + LIMIT + (bits << 2), next << (MAX_CODE - bits));
    next <<= 1;
  }
}

/** Symbols up to the end of the block, by the codes that selectors name in turn. */
function readSymbols(at: u32, bit: u32, end: u32, groups: u32, endOfBlock: u32, most: u32): u32 {
  const sorted = sorted_;
  const stop: u32 = (end - at) << 3;
  const sortedEnd = sorted + (most << 2);
  let front = v128.load(BYTES);
  let out = sorted;
  let run: u32 = 0;
  let runBit: u32 = 1;
  for (let group: u32 = 0; group < groups; group++) {
    const code = codes_ + <u32>load<u8>(selectors_ + group) * CODE_SIZE;
    // A window has two codes of 20 bits at least, and most often more of them.
    let window: u64 = 0;
    let left: i32 = 0;
    for (let i: u32 = 0; i < GROUP; i++) {
      if (left < <i32>MAX_CODE) {
        window = windowAt(at, bit);
        left = 57;
      }
      const entry: u32 = load<u16>(code + ((<u32>(window >> (64 - FAST))) << 1));
      let symbol: u32 = entry & ((1 << SYMBOL_BITS) - 1);
      let length = entry >> SYMBOL_BITS;
      if (entry == 0) {
        const word = <u32>(window >> (64 - MAX_CODE));
        length = FAST + 1;
        while (length <= MAX_CODE && word >= load<u32>(code + LIMIT + (length << 2))) length++;
        if (length > MAX_CODE) return wrong(BZIP2_NO_CODE, at, min(bit + MAX_CODE, stop), end);
        const place = (word >> (MAX_CODE - length)) + load<u32>(code + OFFSET + (length << 2));
        if (place >= 258) return wrong(BZIP2_NO_CODE, at, min(bit + MAX_CODE, stop), end);
        symbol = load<u16>(code + SYMBOLS + (place << 1));
      }
      window <<= length;
      left -= length;
      bit += length;
      if (bit > stop) return wrong(BZIP2_NO_END, at, stop, end);

      if (symbol <= RUN_B) {
        run += runBit << (symbol - RUN_A);
        runBit <<= 1;
        if (run > most) return wrong(BZIP2_RUN, at, bit, end);
        continue;
      }
      if (run > 0) {
        if (run > (sortedEnd - out) >> 2) return wrong(BZIP2_RUN, at, bit, end);
        const byte: u32 = v128.extract_lane<u8>(front, 0);
        for (; run > 0; run--) {
          store<u32>(out, byte);
          out += 4;
        }
        runBit = 1;
      }
      if (symbol == endOfBlock) {
        bit_ = bit & 7;
        moved(at + (bit >> 3), to);
        bzip2Symbols = (out - sorted) >> 2;
        return DONE;
      }
      if (out >= sortedEnd) return wrong(BZIP2_LEVEL, at, bit, end);
      const place = symbol - 1;
      if (place < 16) front = v128.swizzle(front, v128.load(TO_FRONT + (place << 4)));
      else front = fromBehind(front, place);
      store<u32>(out, v128.extract_lane<u8>(front, 0));
      out += 4;
    }
  }
  return wrong(BZIP2_GROUPS, at, bit, end);
}

/** Move the byte at `place`, which is 16 or more, to the front; returns the first 16. */
function fromBehind(front: v128, place: u32): v128 {
  const byte = load<u8>(BYTES + place);
  let at = BYTES + (place & ~15);
  const last = v128.load(at);
  const upTo = v128.le<u8>(
    i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    i8x16.splat(<i8>(place & 15)),
  );
  if (place >= 32) {
    v128.store(at, v128.bitselect(v128.load(at - 1), last, upTo));
    for (at -= 16; at > BYTES + 16; at -= 16) v128.store(at, v128.load(at - 1));
    v128.store(at, pushed(front, v128.load(at)));
  } else v128.store(at, v128.bitselect(pushed(front, last), last, upTo));
  return v128.replace_lane<u8>(v128.swizzle(front, v128.load(TO_FRONT + (15 << 4))), 0, byte);
}

/** What follows `front` moves up by one, and the last one of that takes its place. */
function pushed(front: v128, behind: v128): v128 {
  return v128.shuffle<u8>(front, behind, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
}

/** Where bzip2Unsort() is in the block, between two calls. */
let entry_: u32 = 0;
let left_: u32 = 0;
let equal_: u32 = 0;
let previous_: u32 = 0;
let crc_: u32 = 0;

/** The upper 24 bits of each word become the place of the byte that follows. */
function link(origin: u32): void {
  const sorted = sorted_;
  const count = bzip2Symbols;
  const end = sorted + (count << 2);
  memory.fill(STARTS, 0, 256 * 4);
  for (let at = sorted; at < end; at += 4) {
    const start = STARTS + ((<u32>load<u8>(at)) << 2);
    store<u32>(start, load<u32>(start) + 1);
  }
  let sum: u32 = 0;
  for (let byte: u32 = 0; byte < 256; byte++) {
    const start = STARTS + (byte << 2);
    const here = load<u32>(start);
    store<u32>(start, sum);
    sum += here;
  }
  for (let i: u32 = 0; i < count; i++) {
    const start = STARTS + ((<u32>load<u8>(sorted + (i << 2))) << 2);
    const place = load<u32>(start);
    store<u32>(start, place + 1);
    const word = sorted + (place << 2);
    store<u32>(word, load<u32>(word) | (i << 8));
  }
  entry_ = load<u32>(sorted + (origin << 2)) >> 8;
  left_ = count;
  equal_ = 0;
  previous_ = 256;
  crc_ = 0xffff_ffff;
}

/**
 * The bytes of the block, with its runs of four to 259 equal ones, to before `room`. MORE: the next ones do not fit.
 * DONE: `detail` is their CRC.
 */
export function bzip2Unsort(room: u32): u32 {
  const sorted = sorted_;
  let entry = entry_;
  let left = left_;
  let equal = equal_;
  let previous = previous_;
  let crc = crc_;
  let out = to;
  let status = DONE;
  for (; left > 0; left--) {
    const word = load<u32>(sorted + (entry << 2));
    const byte = word & 0xff;
    if (equal == 4) {
      if (byte > room - out) {
        status = MORE;
        break;
      }
      for (const end = out + byte; out < end; out++) {
        store<u8>(out, previous);
        crc = (crc << 8) ^ load<u32>(CRC_TABLE + (((crc >> 24) ^ previous) << 2));
      }
      equal = 0;
      previous = 256;
    } else {
      if (out >= room) {
        status = MORE;
        break;
      }
      store<u8>(out++, byte);
      crc = (crc << 8) ^ load<u32>(CRC_TABLE + (((crc >> 24) ^ byte) << 2));
      equal = byte == previous ? equal + 1 : 1;
      previous = byte;
    }
    entry = word >> 8;
  }
  entry_ = entry;
  left_ = left;
  equal_ = equal;
  previous_ = previous;
  crc_ = crc;
  return failed(status, from, out, ~crc);
}
