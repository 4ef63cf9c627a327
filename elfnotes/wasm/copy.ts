/**
 * Copies as unpacking needs them: up to SLACK bytes beyond what was asked for are read and written too.
 *
 * Most are of 16 bytes or less, and those are written out where they are asked for.
 */

/** Copy `length` bytes, 16 at a time; what is copied must not be among what is written. */
@inline
export function copyLiterals(to: u32, from: u32, length: u32): void {
  v128.store(to, v128.load(from));
  if (length > 16) copyMore(to, from, length);
}

/** Copy `length` bytes that begin `distance` before `to`, where those written now may be among them. */
@inline
export function copyMatch(to: u32, distance: u32, length: u32): void {
  if (distance < 16) copyNear(to, distance, length);
  else {
    v128.store(to, v128.load(to - distance));
    if (length > 16) copyMore(to, to - distance, length);
  }
}

/** All but the first 16 bytes. */
function copyMore(to: u32, from: u32, length: u32): void {
  const end = to + length;
  do {
    to += 16;
    from += 16;
    v128.store(to, v128.load(from));
  } while (to + 16 < end);
}

/** Bytes repeat: once 8 of them are there, a multiple of the distance that is 8 or more leads to the same ones. */
function copyNear(to: u32, distance: u32, length: u32): void {
  const end = to + length;
  let from = to - distance;
  if (distance < 8) {
    const start = to;
    while (to < start + 8) store<u8>(to++, load<u8>(from++));
    from = to - distance * ((7 + distance) / distance);
  }
  while (to < end) {
    store<u64>(to, load<u64>(from));
    to += 8;
    from += 8;
  }
}
