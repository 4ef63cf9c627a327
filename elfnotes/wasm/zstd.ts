/**
 * A compressed block of zstd: literals, and the sequences that say where they go and what is copied between them.
 *
 * Mirrors: RFC 8878, 3.1.1.3; ZSTD_decompressBlock_internal(), linux lib/zstd/decompress/zstd_decompress_block.c.
 * Differs: a match may reach back to the beginning of the frame, whatever its window is, while that is kept.
 */
import { copyAround, reachesAround } from "./around";
import { bitsAt, bitsOf, windowAt } from "./bits";
import { copyLiterals, copyMatch } from "./copy";
import { buildSingle, buildTable, COUNTS, log, readCounts, symbols } from "./fse";
import { decodeFour, decodeOne, readCode } from "./huffman";
import { DONE, failed, moved, to } from "./state";

export const ZSTD_LITERALS: u32 = 16;
export const ZSTD_HUFFMAN: u32 = 17;
export const ZSTD_TABLE: u32 = 18;
export const ZSTD_SEQUENCES: u32 = 19;
export const ZSTD_TOO_FAR: u32 = 20;
export const ZSTD_TOO_LARGE: u32 = 21;

/** What a block unpacks to at most. */
const MAX_BLOCK: u32 = 1 << 17;

const RAW: u32 = 0;
const RLE: u32 = 1;
const COMPRESSED: u32 = 2; // the last one, 3, is the same with the code of before

/** Lengths of literals and of matches, and offsets: by code, the least value, and the bits that are added. */
const LL_BASES = <u32>(
  memory.data<u32>([
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 28, 32, 40, 48, 64, 128, 256,
    512, 1024, 2048, 4096, 8192, 16384, 32768, 65536,
  ])
);
const LL_EXTRA = <u32>(
  memory.data<u8>([
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16,
  ])
);
const ML_BASES = <u32>(
  memory.data<u32>([
    3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
    31, 32, 33, 34, 35, 37, 39, 41, 43, 47, 51, 59, 67, 83, 99, 131, 259, 515, 1027, 2051, 4099, 8195, 16387,
    32771, 65539,
  ])
);
const ML_EXTRA = <u32>(
  memory.data<u8>([
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1,
    1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
  ])
);
const OF_BASES = <u32>(
  memory.data<u32>([
    1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072, 262144,
    524288, 1048576, 2097152, 4194304, 8388608, 16777216, 33554432, 67108864, 134217728, 268435456, 536870912,
    1073741824, 2147483648,
  ])
);
const OF_EXTRA = <u32>(
  memory.data<u8>([
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
    29, 30, 31,
  ])
);

/** The distributions where a block says none. Mirrors: RFC 8878, 3.1.1.3.2.2. */
const LL_COUNTS = <u32>(
  memory.data<i16>([
    4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1,
    -1, -1,
  ])
);
const ML_COUNTS = <u32>(
  memory.data<i16>([
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
  ])
);
const OF_COUNTS = <u32>(
  memory.data<i16>([
    1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
  ])
);

const LL_TABLE = <u32>memory.data(8 << 9);
const ML_TABLE = <u32>memory.data(8 << 9);
const OF_TABLE = <u32>memory.data(8 << 8);

/** Logs of the tables that are there; -1 where a block may not say "as before". */
let llLog: i32 = -1;
let mlLog: i32 = -1;
let ofLog: i32 = -1;
let hasCode = false;

/** The last three offsets. */
let rep0: u32 = 1;
let rep1: u32 = 4;
let rep2: u32 = 8;

/** Where the block's literals are, and how many. */
let literals: u32 = 0;
let literalCount: u32 = 0;

/**
 * Unpack the compressed block between `start` and `end`, whose frame unpacks to `first` and on, to before `room`;
 * nothing is there below `bottom`. `buffer` has room for the literals of a block.
 */
export function zstd(start: u32, end: u32, first: u32, bottom: u32, room: u32, buffer: u32): u32 {
  const sequences = readLiterals(start, end, buffer);
  if (sequences < 16 * 16) return failed(sequences, start, to);

  let at = sequences;
  if (at >= end) return failed(ZSTD_SEQUENCES, sequences, to);
  let count: u32 = load<u8>(at++);
  if (count >= 128) {
    if (end - at < 2) return failed(ZSTD_SEQUENCES, sequences, to);
    if (count == 255) {
      count = <u32>load<u16>(at) + 0x7f00;
      at += 2;
    } else count = ((count - 128) << 8) + <u32>load<u8>(at++);
  }
  if (count == 0) {
    if (at != end) return failed(ZSTD_SEQUENCES, sequences, to);
    if (literalCount > room - to) return failed(ZSTD_TOO_LARGE, sequences, to);
    copyLiterals(to, literals, literalCount);
    moved(end, to + literalCount);
    return DONE;
  }
  if (at >= end) return failed(ZSTD_SEQUENCES, sequences, to);
  const modes: u32 = load<u8>(at++);
  if ((modes & 3) != 0) return failed(ZSTD_SEQUENCES, sequences, to);
  at = readTable(modes >> 6, at, end, LL_TABLE, 9, 36, LL_COUNTS, 36, 6, llLog, LL_BASES, LL_EXTRA);
  if (at == 0) return failed(ZSTD_TABLE, sequences, to);
  llLog = tableLog;
  at = readTable((modes >> 4) & 3, at, end, OF_TABLE, 8, 32, OF_COUNTS, 29, 5, ofLog, OF_BASES, OF_EXTRA);
  if (at == 0) return failed(ZSTD_TABLE, sequences, to);
  ofLog = tableLog;
  at = readTable((modes >> 2) & 3, at, end, ML_TABLE, 9, 53, ML_COUNTS, 53, 6, mlLog, ML_BASES, ML_EXTRA);
  if (at == 0) return failed(ZSTD_TABLE, sequences, to);
  mlLog = tableLog;
  return execute(at, end, count, first, bottom, min(room, to + MAX_BLOCK), sequences);
}

/** Returns where the sequences begin, or a failure. */
function readLiterals(start: u32, end: u32, buffer: u32): u32 {
  if (start >= end) return ZSTD_LITERALS;
  const head = load<u64>(start);
  const kind = (<u32>head) & 3;
  const format = ((<u32>head) >> 2) & 3;
  let size: u32;
  if (kind <= RLE) {
    const header: u32 = format == 1 ? 2 : format == 3 ? 3 : 1;
    size =
      format == 1
        ? ((<u32>head) >> 4) & 0xfff
        : format == 3
          ? ((<u32>head) >> 4) & 0xf_ffff
          : ((<u32>head) >> 3) & 31;
    const at = start + header;
    const stored = kind == RAW ? size : 1;
    if (size > MAX_BLOCK || at > end || stored > end - at) return ZSTD_LITERALS;
    if (kind == RLE) memory.fill(buffer, load<u8>(at), size);
    literals = kind == RLE ? buffer : at;
    literalCount = size;
    return at + stored;
  }

  const bits: u32 = format < 2 ? 10 : format == 2 ? 14 : 18;
  const header: u32 = format < 2 ? 3 : format == 2 ? 4 : 5;
  const mask: u32 = (1 << bits) - 1;
  size = (<u32>(head >> 4)) & mask;
  const stored = (<u32>(head >> (4 + bits))) & mask;
  let at = start + header;
  if (size > MAX_BLOCK || at > end || stored > end - at) return ZSTD_LITERALS;
  const stop = at + stored;
  if (kind == COMPRESSED) {
    hasCode = false;
    at = readCode(at, stop);
    if (at == 0) return ZSTD_HUFFMAN;
    hasCode = true;
  }
  if (!hasCode) return ZSTD_HUFFMAN;
  const good = format == 0 ? decodeOne(at, stop, buffer, size) : decodeFour(at, stop, buffer, size);
  if (!good) return ZSTD_LITERALS;
  literals = buffer;
  literalCount = size;
  return stop;
}

let tableLog: i32 = 0;

/** A table as `mode` says, of the size `tableLog` then; returns what follows it, or 0 if it is wrong. */
function readTable(
  mode: u32,
  at: u32,
  end: u32,
  table: u32,
  maxLog: u32,
  maxSymbols: u32,
  usual: u32,
  usualCount: u32,
  usualLog: u32,
  before: i32,
  bases: u32,
  extra: u32,
): u32 {
  tableLog = before;
  if (mode == 0) {
    buildTable(table, usual, usualCount, usualLog, bases, extra);
    tableLog = usualLog;
    return at;
  }
  if (mode == 1) {
    if (at >= end || <u32>load<u8>(at) >= maxSymbols) return 0;
    buildSingle(table, load<u8>(at), bases, extra);
    tableLog = 0;
    return at + 1;
  }
  if (mode == 3) return before < 0 ? 0 : at;
  const next = readCounts(at, end, maxLog, maxSymbols);
  if (next == 0) return 0;
  buildTable(table, COUNTS, symbols, log, bases, extra);
  tableLog = log;
  return next;
}

/** The `count` sequences of the stream at `start`, then the literals that are left. */
function execute(start: u32, end: u32, count: u32, first: u32, bottom: u32, most: u32, place: u32): u32 {
  let left = bitsOf(start, end) - llLog - ofLog - mlLog;
  if (left < 0) return failed(ZSTD_SEQUENCES, place, to);
  let ll = LL_TABLE + (stateAt(start, left + mlLog + ofLog + llLog, llLog) << 3);
  let offs = OF_TABLE + (stateAt(start, left + mlLog + ofLog, ofLog) << 3);
  let ml = ML_TABLE + (stateAt(start, left + mlLog, mlLog) << 3);

  let out = to;
  let literal = literals;
  const literalEnd = literals + literalCount;
  for (;;) {
    // The values: of offset, match length and literal length, in this order.
    let bits = windowAt(start, left);
    const ofExtra: u64 = load<u8>(offs + 3);
    const mlExtra: u64 = load<u8>(ml + 3);
    const llExtra: u64 = load<u8>(ll + 3);
    let offset = load<u32>(offs + 4) + <u32>((bits >> 1) >> (63 - ofExtra));
    left -= <i32>ofExtra;
    if (ofExtra + mlExtra + llExtra > 30) bits = windowAt(start, left);
    else bits <<= ofExtra;
    const length = load<u32>(ml + 4) + <u32>((bits >> 1) >> (63 - mlExtra));
    bits <<= mlExtra;
    const run = load<u32>(ll + 4) + <u32>((bits >> 1) >> (63 - llExtra));
    bits <<= llExtra;
    left -= <i32>(mlExtra + llExtra);
    if (mlExtra + llExtra > 30) bits = windowAt(start, left);

    if (offset > 3) {
      rep2 = rep1;
      rep1 = rep0;
      rep0 = offset -= 3;
    } else {
      const which = run == 0 ? offset : offset - 1;
      if (which == 0) offset = rep0;
      else {
        offset = which == 1 ? rep1 : which == 2 ? rep2 : rep0 - 1;
        if (which != 1) rep2 = rep1;
        rep1 = rep0;
        rep0 = offset;
      }
    }

    if (run > literalEnd - literal) return failed(ZSTD_SEQUENCES, place, out);
    if (run + length > most - out) return failed(ZSTD_TOO_LARGE, place, out);
    copyLiterals(out, literal, run);
    out += run;
    literal += run;
    if (offset == 0) return failed(ZSTD_TOO_FAR, place, out, offset);
    if (offset <= out - bottom) copyMatch(out, offset, length);
    else if (reachesAround(out, offset, first, bottom)) copyAround(out, offset, length, bottom);
    else return failed(ZSTD_TOO_FAR, place, out, offset);
    out += length;

    if (left < 0) return failed(ZSTD_SEQUENCES, place, out);
    if (--count == 0) break;

    // The next states, in the order literal length, match length, offset.
    const llBits: u64 = load<u8>(ll + 2);
    const mlBits: u64 = load<u8>(ml + 2);
    const ofBits: u64 = load<u8>(offs + 2);
    ll = LL_TABLE + ((<u32>load<u16>(ll) + <u32>((bits >> 1) >> (63 - llBits))) << 3);
    bits <<= llBits;
    ml = ML_TABLE + ((<u32>load<u16>(ml) + <u32>((bits >> 1) >> (63 - mlBits))) << 3);
    bits <<= mlBits;
    offs = OF_TABLE + ((<u32>load<u16>(offs) + <u32>((bits >> 1) >> (63 - ofBits))) << 3);
    left -= <i32>(llBits + mlBits + ofBits);
    if (left < 0) return failed(ZSTD_SEQUENCES, place, out);
  }
  if (left != 0) return failed(ZSTD_SEQUENCES, place, out);

  const rest = literalEnd - literal;
  if (rest > most - out) return failed(ZSTD_TOO_LARGE, place, out);
  copyLiterals(out, literal, rest);
  moved(end, out + rest);
  return DONE;
}

function stateAt(start: u32, left: i32, bits: i32): u32 {
  return bits == 0 ? 0 : bitsAt(start, left, bits);
}
