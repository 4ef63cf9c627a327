/** Copies as unpacking needs them: up to SLACK bytes beyond what was asked for are read and written too. */

/** Copy `length` bytes, 16 at a time; what is copied must not be among what is written. */
export function copyLiterals(to: u32, from: u32, length: u32): void {
  const end = to + length;
  do {
    v128.store(to, v128.load(from));
    to += 16;
    from += 16;
  } while (to < end);
}

/** Copy `length` bytes that begin `distance` before `to`, where those written now may be among them. */
export function copyMatch(to: u32, distance: u32, length: u32): void {
  const end = to + length;
  let from = to - distance;
  if (distance >= 16) {
    do {
      v128.store(to, v128.load(from));
      to += 16;
      from += 16;
    } while (to < end);
    return;
  }
  // Bytes repeat: once 8 of them are there, a multiple of the distance that is 8 or more leads to the same ones.
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
