/**
 * Unpacking of lzop's files: blocks of LZO1X, each with its sizes and checksums.
 *
 * Mirrors: unlzo(), linux lib/decompress_unlzo.c; lzo1x_decompress_safe(), lib/lzo/lzo1x_decompress_safe.c.
 * Differs: checksums of the unpacked blocks are compared; filters and the RLE variant, which lzop does not write
 * for kernels, are refused.
 */
import { crc32 } from "node:zlib";
import { adler32 } from "./adler32.js";
import type { ImageBytes } from "./image-bytes.js";
import { copyMatch, UnpackedBytes } from "./unpacked-bytes.js";

const MAGIC = 9;
const FIRST_WITH_LEVEL = 0x0940; // version of lzop

const F_ADLER32_D = 0x1;
const F_ADLER32_C = 0x2;
const F_H_EXTRA_FIELD = 0x40;
const F_CRC32_D = 0x100;
const F_CRC32_C = 0x200;
const F_MULTIPART = 0x400;
const F_H_FILTER = 0x800;

/** lzop itself takes no larger one. */
const MAX_BLOCK = 64 * 2 ** 20;

/**
 * Unpack the file that fills `lzo`, to at most `limit` bytes; to `size`, where that is known.
 *
 * Errors: BadInput, if it is damaged or unpacks to more.
 */
export function unpackLzo(lzo: ImageBytes, limit: number, size?: number): Uint8Array {
  const { flags, end } = readHeader(lzo);
  const out = new UnpackedBytes(lzo, limit, size);
  let at = end;
  for (;;) {
    const unpacked = be32(lzo, at, "the size of an lzo block");
    if (unpacked === 0) break;
    const packed = be32(lzo, at + 4, "the size of an lzo block");
    if (unpacked > MAX_BLOCK || packed > unpacked) {
      throw lzo.bad(at, `an lzo block cannot unpack from ${packed} to ${unpacked} bytes`);
    }
    const sums = at + 8;
    let data = sums + countOf(flags, F_ADLER32_D, F_CRC32_D);
    if (packed < unpacked) data += countOf(flags, F_ADLER32_C, F_CRC32_C);
    lzo.need(data, packed, "an lzo block");
    const start = out.length;
    if (packed === unpacked) {
      out.room(unpacked, at).set(lzo.data.subarray(data, data + packed), start);
      out.length += unpacked;
    } else unpackBlock(lzo, data, data + packed, out, unpacked);
    verify(lzo, sums, flags, out.data.subarray(start, out.length));
    at = data + packed;
  }
  if (at + 4 !== lzo.length) throw lzo.bad(at + 4, "something follows the last lzo block");
  return out.whole;
}

/** Mirrors: parse_header(). */
function readHeader(lzo: ImageBytes): { flags: number; end: number } {
  const part = "the lzop header";
  const version = be16(lzo, MAGIC, part);
  const recent = version >= FIRST_WITH_LEVEL;
  const flagsAt = MAGIC + (recent ? 8 : 5);
  const flags = be32(lzo, flagsAt, part);
  if ((flags & (F_H_FILTER | F_MULTIPART)) !== 0) {
    throw lzo.bad(
      flagsAt,
      "the lzop file has filters or parts",
      "unpack it with lzop -d, and name the result",
    );
  }
  const nameAt = flagsAt + 4 + (recent ? 12 : 8); // mode and times
  let end = nameAt + 1 + lzo.u8(nameAt, part);
  lzo.need(end, 4, part);
  end += 4;
  if ((flags & F_H_EXTRA_FIELD) !== 0) end += 4 + be32(lzo, end, part) + 4;
  return { flags, end };
}

/** Bytes of the checksums, of which each flag stands for one. */
function countOf(flags: number, ...each: number[]): number {
  return 4 * each.filter((flag) => (flags & flag) !== 0).length;
}

function verify(lzo: ImageBytes, sums: number, flags: number, block: Uint8Array): void {
  const adler = (flags & F_ADLER32_D) !== 0;
  const good =
    (!adler || be32(lzo, sums, "a checksum") === adler32(block)) &&
    ((flags & F_CRC32_D) === 0 || be32(lzo, sums + (adler ? 4 : 0), "a checksum") === crc32(block));
  if (!good) throw lzo.bad(sums, "the checksum of an lzo block differs from what is unpacked");
}

/**
 * One block of LZO1X, which ends with a match of distance 0x4000.
 *
 * `literals` is how many the instruction before copied: 0 to 3 with its match, or 4 for a run of its own. It
 * decides what an opcode below 16 means.
 */
function unpackBlock(lzo: ImageBytes, start: number, end: number, out: UnpackedBytes, size: number): void {
  const source = lzo.data;
  const first = out.length;
  const target = out.room(size, start);
  const stop = first + size;
  let to = first;
  let from = start;
  let literals = 0;

  const bad = (what: string) => lzo.bad(from, what);
  const byte = (): number => {
    if (from >= end) throw bad("an lzo instruction goes beyond its block");
    return source[from++]!;
  };
  const extended = (length: number, base: number): number => {
    if (length !== 0) return length;
    let sum = base;
    for (;;) {
      const more = byte();
      if (more !== 0) return sum + more;
      sum += 255;
    }
  };
  const copyLiterals = (count: number): void => {
    if (from + count > end || to + count > stop) throw bad("lzo literals go beyond their block");
    for (let i = 0; i < count; i++) target[to + i] = source[from + i]!;
    from += count;
    to += count;
  };

  if (source[from]! > 17) {
    const count = byte() - 17;
    copyLiterals(count);
    literals = Math.min(count, 4);
  }
  for (;;) {
    const op = byte();
    let distance: number;
    let length: number;
    let next = op & 3;
    if (op < 16) {
      if (literals === 0) {
        copyLiterals(extended(op, 15) + 3);
        literals = 4;
        continue;
      }
      distance = 1 + (op >> 2) + (byte() << 2);
      length = 2;
      if (literals === 4) {
        distance += 0x800;
        length = 3;
      }
    } else if (op >= 64) {
      distance = 1 + ((op >> 2) & 7) + (byte() << 3);
      length = (op >> 5) + 1;
    } else {
      const far = op < 32;
      length = extended(op & (far ? 7 : 31), far ? 7 : 31) + 2;
      const word = byte() | (byte() << 8);
      next = word & 3;
      distance = word >> 2;
      if (far) {
        distance += (op & 8) << 11;
        if (distance === 0) break; // the end
        distance += 0x4000;
      } else distance += 1;
    }
    if (distance > to - first) throw bad(`an lzo match is ${distance} bytes back, of ${to - first}`);
    if (to + length > stop) throw bad("an lzo match goes beyond its block");
    copyMatch(target, to, distance, length);
    to += length;
    copyLiterals(next);
    literals = next;
  }
  if (from !== end || to !== stop) throw bad(`an lzo block unpacks to ${to - first} bytes, it says ${size}`);
  out.length = stop;
}

function be16(bytes: ImageBytes, offset: number, part: string): number {
  return (bytes.u8(offset, part) << 8) | bytes.u8(offset + 1, part);
}

function be32(bytes: ImageBytes, offset: number, part: string): number {
  return be16(bytes, offset, part) * 0x10000 + be16(bytes, offset + 2, part);
}
