/** Adler-32, which lzop takes as its checksum. Mirrors: RFC 1950, 8.2. */

const MODULUS = 65521;

/** The most bytes after which neither sum has left 32 bits. */
const UNREDUCED = 5552;

export function adler32(data: Uint8Array): number {
  let [low, high] = [1, 0];
  for (let start = 0; start < data.length; start += UNREDUCED) {
    const end = Math.min(start + UNREDUCED, data.length);
    for (let i = start; i < end; i++) {
      low += data[i]!;
      high += low;
    }
    low %= MODULUS;
    high %= MODULUS;
  }
  return high * 0x10000 + low;
}
