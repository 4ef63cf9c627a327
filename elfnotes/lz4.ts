/**
 * Unpacking of lz4's legacy frames, the only ones that kernels have.
 *
 * Mirrors: unlz4(), linux lib/decompress_unlz4.c; lz4_Frame_format.md and lz4_Block_format.md of lz4 1.9.
 * Differs: what follows the last chunk is refused, but for another legacy frame.
 */
import type { ImageBytes } from "./image-bytes.js";
import { copyMatch, UnpackedBytes } from "./unpacked-bytes.js";

export const LZ4_LEGACY_MAGIC = 0x184c2102;

/** Every chunk of a frame but the last one unpacks to so much. */
export const LZ4_CHUNK = 8 * 2 ** 20;

/** What a chunk takes that does not compress. Mirrors: LZ4_COMPRESSBOUND(). */
const MAX_PACKED = LZ4_CHUNK + Math.floor(LZ4_CHUNK / 255) + 16;

const MIN_MATCH = 4;

/**
 * Unpack the frames that fill `lz4`, to at most `limit` bytes; to `size`, where that is known.
 *
 * Errors: BadInput, if a frame is damaged or unpacks to more.
 */
export function unpackLz4(lz4: ImageBytes, limit: number, size?: number): Uint8Array {
  const out = new UnpackedBytes(lz4, limit, size);
  let at = 4; // the magic was seen
  while (at < lz4.length) {
    const length = lz4.u32(at, "the size of an lz4 chunk");
    if (length === LZ4_LEGACY_MAGIC) {
      at += 4;
      continue;
    }
    if (length === 0 || length > MAX_PACKED) {
      throw lz4.bad(at, `an lz4 chunk cannot have ${length} bytes`);
    }
    lz4.need(at + 4, length, "an lz4 chunk");
    unpackChunk(lz4, at + 4, at + 4 + length, out);
    at += 4 + length;
  }
  return out.whole;
}

/** Sequences of literals and a match; the last one has no match. Chunks do not refer to each other. */
function unpackChunk(lz4: ImageBytes, start: number, end: number, out: UnpackedBytes): void {
  const source = lz4.data;
  const first = out.length;
  let target = out.data;
  let to = first;
  let from = start;
  while (from < end) {
    const sequence = from;
    const token = source[from++]!;
    let literals = token >> 4;
    if (literals === 15) {
      for (let more = 255; more === 255; literals += more) {
        if (from >= end) throw cut(lz4, sequence);
        more = source[from++]!;
      }
    }
    if (from + literals > end) throw cut(lz4, sequence);
    if (to - first + literals > LZ4_CHUNK) throw tooLarge(lz4, sequence);
    if (to + literals > target.length) {
      out.length = to;
      target = out.room(literals, sequence);
    }
    if (literals > 32) target.set(source.subarray(from, from + literals), to);
    else for (let i = 0; i < literals; i++) target[to + i] = source[from + i]!;
    from += literals;
    to += literals;
    if (from === end) {
      if ((token & 15) !== 0) throw cut(lz4, sequence); // it announces a match
      break;
    }

    if (from + 2 > end) throw cut(lz4, sequence);
    const distance = source[from]! | (source[from + 1]! << 8);
    from += 2;
    let length = token & 15;
    if (length === 15) {
      for (let more = 255; more === 255; length += more) {
        if (from >= end) throw cut(lz4, sequence);
        more = source[from++]!;
      }
    }
    length += MIN_MATCH;
    if (distance === 0 || distance > to - first) {
      throw lz4.bad(sequence, `an lz4 match is ${distance} bytes back, of ${to - first}`);
    }
    if (to - first + length > LZ4_CHUNK) throw tooLarge(lz4, sequence);
    if (to + length > target.length) {
      out.length = to;
      target = out.room(length, sequence);
    }
    copyMatch(target, to, distance, length);
    to += length;
  }
  out.length = to;
}

function cut(lz4: ImageBytes, sequence: number): Error {
  return lz4.bad(sequence, "an lz4 sequence goes beyond its chunk");
}

function tooLarge(lz4: ImageBytes, sequence: number): Error {
  return lz4.bad(sequence, `an lz4 chunk unpacks to more than ${LZ4_CHUNK} bytes`);
}
