/** XXH64 with seed 0, which zstd takes as its checksum. Mirrors: linux lib/xxhash.c. */

const PRIME_1: u64 = 0x9e3779b185ebca87;
const PRIME_2: u64 = 0xc2b2ae3d27d4eb4f;
const PRIME_3: u64 = 0x165667b19e3779f9;
const PRIME_4: u64 = 0x85ebca77c2b2ae63;
const PRIME_5: u64 = 0x27d4eb2f165667c5;

const STRIPE: u32 = 32;

let one: u64 = PRIME_1 + PRIME_2;
let two: u64 = PRIME_2;
let three: u64 = 0;
let four: u64 = 0 - PRIME_1;
let total: u64 = 0;

/** Take the whole stripes of `length` bytes; returns where the rest begins, which is to be taken again. */
export function xxh64(at: u32, length: u32): u32 {
  const end = at + length - (length & (STRIPE - 1));
  total += end - at;
  let a = one;
  let b = two;
  let c = three;
  let d = four;
  for (; at < end; at += STRIPE) {
    a = round(a, load<u64>(at));
    b = round(b, load<u64>(at + 8));
    c = round(c, load<u64>(at + 16));
    d = round(d, load<u64>(at + 24));
  }
  one = a;
  two = b;
  three = c;
  four = d;
  return end;
}

/** The low half of the hash, where the last `length` bytes, less than a stripe, are at `at`. */
export function xxh64End(at: u32, length: u32): u32 {
  let hash = PRIME_5;
  if (total > 0) {
    hash = rotl<u64>(one, 1) + rotl<u64>(two, 7) + rotl<u64>(three, 12) + rotl<u64>(four, 18);
    hash = merge(merge(merge(merge(hash, one), two), three), four);
  }
  hash += total + length;
  const end = at + length;
  for (; at + 8 <= end; at += 8) {
    hash = rotl<u64>(hash ^ round(0, load<u64>(at)), 27) * PRIME_1 + PRIME_4;
  }
  if (at + 4 <= end) {
    hash = rotl<u64>(hash ^ (<u64>load<u32>(at) * PRIME_1), 23) * PRIME_2 + PRIME_3;
    at += 4;
  }
  for (; at < end; at++) hash = rotl<u64>(hash ^ (<u64>load<u8>(at) * PRIME_5), 11) * PRIME_1;
  hash = (hash ^ (hash >> 33)) * PRIME_2;
  hash = (hash ^ (hash >> 29)) * PRIME_3;
  return <u32>(hash ^ (hash >> 32));
}

function round(lane: u64, input: u64): u64 {
  return rotl<u64>(lane + input * PRIME_2, 31) * PRIME_1;
}

function merge(hash: u64, lane: u64): u64 {
  return (hash ^ round(0, lane)) * PRIME_1 + PRIME_4;
}
