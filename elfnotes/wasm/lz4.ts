/**
 * A chunk of lz4: sequences of literals and a match; the last one has no match.
 *
 * Mirrors: LZ4_decompress_safe(), linux lib/lz4/lz4_decompress.c; lz4_Block_format.md of lz4 1.9.
 */
import { copyLiterals, copyMatch } from "./copy";
import { DONE, failed, from, MORE, moved, to } from "./state";

export const LZ4_CUT: u32 = 16;
export const LZ4_TOO_LARGE: u32 = 17;
export const LZ4_TOO_FAR: u32 = 18;

const MIN_MATCH: u32 = 4;

/** A longer match, as zeros are, is copied in parts, so that no more room than that is needed at a time. */
const LONG: u32 = 1 << 16;

/** What has still to be copied of a match, from so far back. */
let left_: u32 = 0;
let distance_: u32 = 0;

const NO_END: u32 = 0xffff_ffff;

/**
 * Unpack sequences from where it stands to `stop`, into a chunk that began at `first`, which need not be in memory
 * any more, and unpacks to at most `most` bytes. MORE: the next sequence does not fit before `room`, or begins
 * beyond `pause`, or is long. LZ4_CUT: it goes beyond `end`, which may be before `stop`.
 */
export function lz4(end: u32, stop: u32, first: u32, most: u32, room: u32, pause: u32): u32 {
  let at = from;
  let out = to;
  while (left_ > 0) {
    const count = min(min(left_, LONG), room - out);
    if (count == 0 || out >= pause) {
      moved(at, out);
      return MORE;
    }
    copyMatch(out, distance_, count);
    out += count;
    left_ -= count;
  }
  while (at < stop) {
    const sequence = at;
    if (at >= end) return failed(LZ4_CUT, sequence, out);
    if (out >= pause) {
      moved(sequence, out);
      return MORE;
    }
    const token: u32 = load<u8>(at++);
    let literals = token >> 4;
    if (literals == 15) {
      at = extend(at, end);
      if (at == NO_END) return failed(LZ4_CUT, sequence, out);
      literals += extended;
    }
    if (literals > end - at) return failed(LZ4_CUT, sequence, out);
    if (out - first + literals > most) return failed(LZ4_TOO_LARGE, sequence, out);
    if (literals > room - out) {
      moved(sequence, out);
      return MORE;
    }
    const last = at + literals == stop;
    if (last && (token & 15) != 0) return failed(LZ4_CUT, sequence, out); // it announces a match
    copyLiterals(out, at, literals);
    at += literals;
    if (last) {
      out += literals;
      break;
    }

    if (end - at < 2) return failed(LZ4_CUT, sequence, out);
    const distance: u32 = load<u16>(at);
    at += 2;
    let length = token & 15;
    if (length == 15) {
      at = extend(at, end);
      if (at == NO_END) return failed(LZ4_CUT, sequence, out);
      length += extended;
    }
    length += MIN_MATCH;
    const behind = out + literals - first;
    if (distance == 0 || distance > behind) {
      return failed(LZ4_TOO_FAR, sequence, out + literals, distance);
    }
    if (behind + length > most) return failed(LZ4_TOO_LARGE, sequence, out);
    if (length > LONG) {
      left_ = length;
      distance_ = distance;
      moved(at, out + literals);
      return MORE;
    }
    if (literals + length > room - out) {
      moved(sequence, out);
      return MORE;
    }
    copyMatch(out + literals, distance, length);
    out += literals + length;
  }
  moved(at, out);
  return DONE;
}

let extended: u32 = 0;

/** The rest of a length, in `extended`: bytes of 255 and a last one. Returns what follows, or NO_END. */
function extend(at: u32, end: u32): u32 {
  let sum: u32 = 0;
  let more: u32;
  do {
    if (at >= end) return NO_END;
    more = load<u8>(at++);
    sum += more;
  } while (more == 255);
  extended = sum;
  return at;
}
