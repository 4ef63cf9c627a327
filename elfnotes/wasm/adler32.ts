/** Adler-32, which lzop takes as its checksum. Mirrors: RFC 1950, 8.2. */

const MODULUS: u32 = 65521;

/** The most bytes, in sixteens, after which no sum has left 32 bits. */
const UNREDUCED: u32 = 5552;

/** Of `length` bytes. */
export function adler32(at: u32, length: u32): u32 {
  const weights = i8x16(16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1);
  const end = at + length;
  let low: u32 = 1;
  let high: u32 = 0;
  while (end - at >= 16) {
    const count = min(UNREDUCED, (end - at) & ~15);
    const stop = at + count;
    high += low * count;
    // Each sixteen counts in `high` once with its weights, and as often 16 times as there are sixteens behind it.
    let sums = i32x4.splat(0);
    let before = i32x4.splat(0);
    let weighted = i32x4.splat(0);
    for (; at < stop; at += 16) {
      const bytes = v128.load(at);
      before = i32x4.add(before, sums);
      sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(bytes)));
      const lower = i16x8.extmul_low_i8x16_u(bytes, weights);
      const upper = i16x8.extmul_high_i8x16_u(bytes, weights);
      weighted = i32x4.add(weighted, i32x4.extadd_pairwise_i16x8_u(lower));
      weighted = i32x4.add(weighted, i32x4.extadd_pairwise_i16x8_u(upper));
    }
    low = (low + total(sums)) % MODULUS;
    high = (high + ((total(before) << 4) % MODULUS) + total(weighted)) % MODULUS;
  }
  for (; at < end; at++) {
    low += load<u8>(at);
    high += low;
  }
  return ((high % MODULUS) << 16) | (low % MODULUS);
}

function total(lanes: v128): u32 {
  return (
    <u32>v128.extract_lane<i32>(lanes, 0) +
    <u32>v128.extract_lane<i32>(lanes, 1) +
    <u32>v128.extract_lane<i32>(lanes, 2) +
    <u32>v128.extract_lane<i32>(lanes, 3)
  );
}
