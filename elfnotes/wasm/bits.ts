/**
 * Bits of zstd, which are read from the end of a stream to its beginning.
 *
 * A window of 8 bytes ends at the next bit; `used` of its highest bits have been read. Bytes before the stream may
 * be in the window too: whoever reads sees to it that fewer than none never remain.
 *
 * Mirrors: BIT_DStream_t, linux lib/zstd/common/bitstream.h.
 */

/** How many bits a stream has, less the marker at its end; -1 if it has no marker. */
export function bitsOf(start: u32, end: u32): i32 {
  const last: u32 = end > start ? load<u8>(end - 1) : 0;
  if (last == 0) return -1;
  return ((end - start) << 3) - (clz<u32>(last) - 24) - 1;
}

/** The next 56 bits or more, at the top, where `left` remain of the stream that begins at `start`. */
export function windowAt(start: u32, left: i32): u64 {
  return load<u64>(start + ((left + 7) >> 3) - 8) << (-left & 7);
}

/** `count` bits, from 1 to 32, of the stream that begins at `start` and of which `left` remain, these included. */
export function bitsAt(start: u32, left: i32, count: u32): u32 {
  return <u32>(windowAt(start, left) >> (64 - count));
}
