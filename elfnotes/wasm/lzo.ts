/**
 * A block of LZO1X: instructions that copy a match and up to three literals behind it, or a run of literals.
 *
 * Mirrors: lzo1x_decompress_safe(), linux lib/lzo/lzo1x_decompress_safe.c.
 */
import { copyLiterals, copyMatch } from "./copy";
import { DONE, failed, from, MORE, moved, to } from "./state";

export const LZO_CUT: u32 = 16;
export const LZO_LITERALS: u32 = 17;
export const LZO_TOO_FAR: u32 = 18;
export const LZO_BEYOND: u32 = 19;

const NO_END: u32 = 0xffff_ffff;

/** More than any block; so much and a few do not overflow. */
const LONG: u32 = 1 << 30;

/** How many literals the instruction before copied: 0 to 3 with its match, RUN of its own, or there was none. */
const RUN: u32 = 4;
const NONE_YET: u32 = 5;
let literals_: u32 = NONE_YET;

export function lzoBegin(): void {
  literals_ = NONE_YET;
}

/**
 * Unpack from where it stands to the match of distance 0x4000 that is the end (DONE), into a block from `first` to
 * `stop`. MORE: the next instruction has not the room before `room`. `end` is that of the source.
 */
export function lzo(end: u32, first: u32, stop: u32, room: u32): u32 {
  const most = min(stop, room);
  let at = from;
  let out = to;
  let literals = literals_; // decides what an opcode below 16 means
  if (literals == NONE_YET) {
    literals = 0;
    if (at < end && <u32>load<u8>(at) > 17) {
      const count = <u32>load<u8>(at) - 17;
      if (count > end - at - 1 || count > stop - out) return failed(LZO_LITERALS, at + 1, out);
      if (count > room - out) return MORE;
      copyLiterals(out, at + 1, count);
      at += count + 1;
      out += count;
      literals = min(count, RUN);
    }
  }
  for (;;) {
    const instruction = at;
    if (at >= end) return failed(LZO_CUT, end, out);
    const op: u32 = load<u8>(at++);
    let next = op & 3;
    let length: u32;
    let distance: u32;
    if (op >= 64) {
      if (at >= end) return failed(LZO_CUT, end, out);
      distance = 1 + ((op >> 2) & 7) + ((<u32>load<u8>(at++)) << 3);
      length = (op >> 5) + 1;
    } else if (op >= 16) {
      const mask: u32 = op < 32 ? 7 : 31;
      length = op & mask;
      if (length == 0) {
        at = extend(at, end);
        if (at == NO_END) return failed(LZO_CUT, end, out);
        length = mask + extended;
      }
      length += 2;
      if (end - at < 2) return failed(LZO_CUT, end, out);
      const word: u32 = load<u16>(at);
      at += 2;
      next = word & 3;
      distance = (word >> 2) + 1;
      if (op < 32) {
        distance += (op & 8) << 11;
        if (distance == 1) break;
        distance += 0x3fff;
      }
    } else if (literals == 0) {
      let count = op;
      if (count == 0) {
        at = extend(at, end);
        if (at == NO_END) return failed(LZO_CUT, end, out);
        count = 15 + extended;
      }
      count += 3;
      if (count > end - at || count > stop - out) return failed(LZO_LITERALS, at, out);
      if (count > room - out) return paused(instruction, out, literals);
      copyLiterals(out, at, count);
      at += count;
      out += count;
      literals = RUN;
      continue;
    } else {
      if (at >= end) return failed(LZO_CUT, end, out);
      distance = 1 + (op >> 2) + ((<u32>load<u8>(at++)) << 2);
      length = 2;
      if (literals == RUN) {
        distance += 0x800;
        length = 3;
      }
    }
    if (distance > out - first) return failed(LZO_TOO_FAR, at, out, distance);
    if (length + next > most - out) {
      if (length > stop - out) return failed(LZO_BEYOND, at, out);
      if (length + next > stop - out) return failed(LZO_LITERALS, at, out + length);
      return paused(instruction, out, literals);
    }
    if (next > end - at) return failed(LZO_LITERALS, at, out);
    copyMatch(out, distance, length);
    out += length;
    store<u32>(out, load<u32>(at));
    at += next;
    out += next;
    literals = next;
  }
  moved(at, out);
  return DONE;
}

function paused(instruction: u32, out: u32, literals: u32): u32 {
  literals_ = literals;
  moved(instruction, out);
  return MORE;
}

let extended: u32 = 0;

/** The rest of a length, in `extended`: zeros of 255 each and a last byte. Returns what follows, or NO_END. */
function extend(at: u32, end: u32): u32 {
  let sum: u32 = 0;
  for (; at < end; at++) {
    const more: u32 = load<u8>(at);
    if (more != 0) {
      extended = min(sum, LONG) + more;
      return at + 1;
    }
    if (sum < LONG) sum += 255;
  }
  return NO_END;
}
