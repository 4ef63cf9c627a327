/**
 * Unpacking that begins again at the bottom of its room, where only parts of a kernel are kept: what was unpacked
 * before stays above until it is written over, and a match may begin there.
 *
 *     bottom | what is unpacked now | what was before | top
 */
import { copyLiterals, copyMatch } from "./copy";

/** What is written at a time, and beyond it; what was before is as much larger than any match reaches back. */
const MARGIN: u32 = (1 << 17) + 64;

/** The end of what was before; nothing was yet, if 0. */
let top: u32 = 0;

export function turned(end: u32): void {
  top = end;
}

/** May a match at `out`, where unpacking began at `first` if nothing had been written over, begin so far back? */
export function reachesAround(out: u32, distance: u32, first: u32, bottom: u32): bool {
  return first != bottom && distance <= out - first && distance + MARGIN <= top - bottom;
}

/** As copyMatch(), of a distance that reaches to below `bottom`, and so to before `top`. */
export function copyAround(out: u32, distance: u32, length: u32, bottom: u32): void {
  const before = distance - (out - bottom);
  const count = min(before, length);
  copyLiterals(out, top - before, count);
  if (length > count) copyMatch(out + count, distance, length - count);
}

/** The byte `distance` before `out`. */
export function byteAround(out: u32, distance: u32, bottom: u32): u32 {
  return load<u8>(distance <= out - bottom ? out - distance : top - (distance - (out - bottom)));
}
