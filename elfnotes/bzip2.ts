/**
 * Unpacking of bzip2: per block Huffman codes, then runs and a move-to-front list, then the Burrows-Wheeler sort
 * undone, then runs again.
 *
 * Mirrors: bunzip2(), linux lib/decompress_bunzip2.c; decompress.c of bzip2 1.0.
 * Differs: blocks that are randomised, as before bzip2 0.9.5, are refused.
 */
import type { ImageBytes } from "./image-bytes.js";
import { UnpackedBytes } from "./unpacked-bytes.js";

const BLOCK_MAGIC = [0x314159, 0x265359];
const END_MAGIC = [0x177245, 0x385090];
const MAX_CODE = 20; // bits
const GROUP = 50; // symbols of one code
const RUN_A = 0;
const RUN_B = 1;

/** CRC-32 with the highest bit first, which bzip2 has for itself. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let i = 0; i < 8; i++) crc = (crc << 1) ^ (crc < 0 ? 0x04c11db7 : 0);
  return crc;
});

/** Bits of the stream, the highest first. */
class BitReader {
  private buffer = 0;
  private count = 0;

  constructor(
    private readonly bzip2: ImageBytes,
    public at: number,
  ) {}

  /** Up to 24 bits. */
  bits(n: number): number {
    while (this.count < n) {
      if (this.at >= this.bzip2.length) throw this.bzip2.bad(this.at, "the bzip2 stream has no end");
      this.buffer = ((this.buffer & 0xff_ffff) << 8) | this.bzip2.data[this.at++]!;
      this.count += 8;
    }
    this.count -= n;
    return (this.buffer >>> this.count) & ((1 << n) - 1);
  }

  /** Up to 24 bits, that stay; zeros beyond the end. */
  peek(n: number): number {
    while (this.count < n && this.at < this.bzip2.length) {
      this.buffer = ((this.buffer & 0xff_ffff) << 8) | this.bzip2.data[this.at++]!;
      this.count += 8;
    }
    const short = n - this.count;
    return short > 0
      ? (this.buffer & ((1 << this.count) - 1)) << short
      : (this.buffer >>> -short) & ((1 << n) - 1);
  }

  /** Bits that peek() showed. */
  skip(n: number): void {
    if (n > this.count) throw this.bzip2.bad(this.at, "the bzip2 stream has no end");
    this.count -= n;
  }

  bit(): boolean {
    return this.bits(1) === 1;
  }

  /** 32 bits. */
  word(): number {
    return this.bits(16) * 0x10000 + this.bits(16);
  }

  /** To the next whole byte. */
  align(): void {
    this.count -= this.count & 7;
    this.at -= this.count >> 3; // what was taken too much
    this.count = 0;
  }

  bad(what: string): Error {
    return this.bzip2.bad(this.at, what);
  }
}

/**
 * Unpack the streams that fill `bzip2`, to at most `limit` bytes; to `size`, where that is known.
 *
 * Errors: BadInput, if a stream is damaged or unpacks to more.
 */
export function unpackBzip2(bzip2: ImageBytes, limit: number, size?: number): Uint8Array {
  const out = new UnpackedBytes(bzip2, limit, size);
  for (let at = 0; at < bzip2.length;) at = unpackStream(bzip2, at, out);
  return out.whole;
}

/** Returns where the stream ends. */
function unpackStream(bzip2: ImageBytes, start: number, out: UnpackedBytes): number {
  const level = bzip2.u8(start + 3, "a bzip2 stream") - 0x30;
  if (!bzip2.has(start, "BZh") || level < 1 || level > 9) throw bzip2.bad(start, "is no bzip2 stream");
  const reader = new BitReader(bzip2, start + 4);
  const sorted = new Uint32Array(level * 100_000);
  let combined = 0;
  for (;;) {
    const magic = [reader.bits(24), reader.bits(24)];
    const place = reader.at - 6;
    if (magic.every((half, i) => half === END_MAGIC[i])) break;
    if (!magic.every((half, i) => half === BLOCK_MAGIC[i])) {
      throw bzip2.bad(place, "neither a bzip2 block nor the end of the stream begins here");
    }
    const crc = reader.word();
    const count = readBlock(reader, sorted);
    if (unsort(sorted, count.symbols, count.origin, out, place) !== crc) {
      throw bzip2.bad(place, "the CRC of a bzip2 block differs from what is unpacked");
    }
    combined = ((combined << 1) | (combined >>> 31)) ^ crc;
  }
  if (reader.word() !== combined >>> 0) throw reader.bad("the CRC of the bzip2 stream is wrong");
  reader.align();
  return reader.at;
}

/** Read a block into the low bytes of `sorted`. */
function readBlock(reader: BitReader, sorted: Uint32Array): { symbols: number; origin: number } {
  if (reader.bit()) throw reader.bad("the bzip2 block is randomised");
  const origin = reader.bits(24);
  const bytes = readAlphabet(reader);
  const endOfBlock = bytes.length + 1;
  const groups = reader.bits(3);
  const selectors = readSelectors(reader, groups);
  const codes = Array.from({ length: groups }, () => readCode(reader, bytes.length + 2));

  let symbols = 0;
  let run = 0;
  let runBit = 1;
  let left = 0;
  let group = 0;
  let code = codes[0]!;
  for (;;) {
    if (left === 0) {
      if (group >= selectors.length) throw reader.bad("a bzip2 block has more symbols than groups");
      code = codes[selectors[group++]!]!;
      left = GROUP;
    }
    left--;
    const symbol = readSymbol(reader, code);
    if (symbol <= RUN_B) {
      run += runBit << (symbol - RUN_A);
      runBit *= 2;
      if (run > sorted.length) throw reader.bad("a run is larger than its bzip2 block");
      continue;
    }
    if (run > 0) {
      if (symbols + run > sorted.length) throw reader.bad("a run is larger than its bzip2 block");
      sorted.fill(bytes[0]!, symbols, symbols + run);
      symbols += run;
      [run, runBit] = [0, 1];
    }
    if (symbol === endOfBlock) break;
    if (symbols >= sorted.length) throw reader.bad("a bzip2 block is larger than its level says");
    const place = symbol - 1;
    const byte = bytes[place]!;
    bytes.copyWithin(1, 0, place);
    bytes[0] = byte;
    sorted[symbols++] = byte;
  }
  if (origin >= symbols) throw reader.bad(`a bzip2 block of ${symbols} symbols cannot begin at ${origin}`);
  return { symbols, origin };
}

/** The bytes that a block has, in order: 16 bits say which groups of 16 have any. */
function readAlphabet(reader: BitReader): Uint8Array {
  const groups = reader.bits(16);
  const bytes = [];
  for (let high = 0; high < 16; high++) {
    if ((groups & (0x8000 >> high)) === 0) continue;
    const members = reader.bits(16);
    for (let low = 0; low < 16; low++) {
      if ((members & (0x8000 >> low)) !== 0) bytes.push(high * 16 + low);
    }
  }
  if (bytes.length === 0) throw reader.bad("a bzip2 block has no bytes");
  return Uint8Array.from(bytes);
}

/** Which code each group of symbols has; moved to front too. */
function readSelectors(reader: BitReader, groups: number): Uint8Array {
  if (groups < 2 || groups > 6) throw reader.bad(`a bzip2 block cannot have ${groups} Huffman codes`);
  const count = reader.bits(15);
  if (count === 0) throw reader.bad("a bzip2 block has no symbols");
  const order = Array.from({ length: groups }, (_, i) => i);
  return Uint8Array.from({ length: count }, () => {
    let place = 0;
    while (reader.bit()) if (++place >= groups) throw reader.bad("a bzip2 selector names no Huffman code");
    const [selected] = order.splice(place, 1);
    order.unshift(selected!);
    return selected!;
  });
}

/** A canonical Huffman code. */
interface Code {
  /** By the next FAST bits: a symbol and, above it, the length of its code; 0 where that is longer. */
  readonly fast: Uint16Array;
  /** By length: one more than the last code of it; and what makes a code of it a place in `symbols`. */
  readonly limit: Int32Array;
  readonly offset: Int32Array;
  readonly symbols: Uint16Array;
}

const FAST = 10;
const SYMBOL_BITS = 9; // at most 258 symbols

function readCode(reader: BitReader, count: number): Code {
  const lengths = new Uint8Array(count);
  let length = reader.bits(5);
  for (let symbol = 0; symbol < count; symbol++) {
    for (;;) {
      if (length < 1 || length > MAX_CODE) throw reader.bad(`a bzip2 code cannot have ${length} bits`);
      if (!reader.bit()) break;
      length += reader.bit() ? -1 : 1;
    }
    lengths[symbol] = length;
  }

  const limit = new Int32Array(MAX_CODE + 1);
  const offset = new Int32Array(MAX_CODE + 1);
  const symbols = new Uint16Array(count);
  let placed = 0;
  let next = 0;
  for (let bits = 1; bits <= MAX_CODE; bits++) {
    offset[bits] = placed - next;
    for (let symbol = 0; symbol < count; symbol++) {
      if (lengths[symbol] !== bits) continue;
      symbols[placed++] = symbol;
      next++;
    }
    limit[bits] = next;
    next <<= 1;
  }
  return { fast: fastTable(lengths), limit, offset, symbols };
}

function fastTable(lengths: Uint8Array): Uint16Array {
  const fast = new Uint16Array(1 << FAST);
  let code = 0; // left-aligned in FAST bits
  for (let bits = 1; bits <= FAST; bits++) {
    lengths.forEach((length, symbol) => {
      if (length !== bits) return;
      const next = code + (1 << (FAST - bits));
      fast.fill((bits << SYMBOL_BITS) | symbol, code, next);
      code = next;
    });
  }
  return fast;
}

function readSymbol(reader: BitReader, { fast, limit, offset, symbols }: Code): number {
  const entry = fast[reader.peek(FAST)]!;
  if (entry !== 0) {
    reader.skip(entry >> SYMBOL_BITS);
    return entry & ((1 << SYMBOL_BITS) - 1);
  }
  let code = 0;
  for (let length = 1; length <= MAX_CODE; length++) {
    code = (code << 1) | reader.bits(1);
    const place = code + offset[length]!;
    if (code < limit[length]! && place >= 0) return symbols[place]!;
  }
  throw reader.bad("is no code of this bzip2 block");
}

/**
 * Undo the sort of a block and its runs of four to 259 equal bytes. Returns the CRC of what was unpacked.
 *
 * The upper 24 bits of each entry become the place of the byte that follows it.
 */
function unsort(
  sorted: Uint32Array,
  symbols: number,
  origin: number,
  out: UnpackedBytes,
  offset: number,
): number {
  const starts = new Uint32Array(256);
  for (let i = 0; i < symbols; i++) starts[sorted[i]! & 0xff]!++;
  let sum = 0;
  for (let byte = 0; byte < 256; byte++) {
    const here = starts[byte]!;
    starts[byte] = sum;
    sum += here;
  }
  for (let i = 0; i < symbols; i++) {
    const place = starts[sorted[i]! & 0xff]!++;
    sorted[place]! |= i << 8;
  }

  let crc = -1;
  let entry = sorted[origin]! >>> 8;
  let previous = -1;
  let equal = 0;
  let data = out.data;
  let at = out.length;
  for (let i = 0; i < symbols; i++) {
    const next = sorted[entry]!;
    const byte = next & 0xff;
    entry = next >>> 8;
    const count = equal === 4 ? byte : 1; // after four equal bytes, how many more there are
    if (at + count > data.length) {
      out.length = at;
      data = out.room(count, offset);
    }
    const value = equal === 4 ? previous : byte;
    for (let n = 0; n < count; n++) {
      data[at++] = value;
      crc = (crc << 8) ^ CRC_TABLE[(crc >>> 24) ^ value]!;
    }
    if (equal === 4) equal = 0;
    else equal = byte === previous ? equal + 1 : 1;
    previous = value;
    if (equal === 0) previous = -1;
  }
  out.length = at;
  return ~crc >>> 0;
}
