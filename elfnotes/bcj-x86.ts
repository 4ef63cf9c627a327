/**
 * The x86 filter of xz, undone: targets of CALL and JMP were made absolute, so that they repeat.
 *
 * The encoder had to guess which bytes are opcodes. It looked for E8 or E9 whose displacement's last byte is
 * 00 or FF (a near target), and remembered in which of the three bytes before it saw an opcode too, since
 * displacements that overlap cannot both be meant.
 *
 * Mirrors: bcj_x86(), linux lib/xz/xz_dec_bcj.c.
 * Differs: takes a whole block at once, so that nothing is carried over.
 */

/** By mask of the three bytes before: may an opcode here be converted at all? */
const MASK_ALLOWS = [true, true, true, false, true, false, false, false];

/** By mask: how many bytes before the displacement's last one the nearest opcode's reaches. */
const MASK_TO_BIT = [0, 1, 2, 2, 3, 3, 3, 3];

/** Make displacements relative again, in place; `data` begins at position `start` of the filter's count. */
export function undoBcjX86(data: Uint8Array, start = 0): void {
  const last = data.length - 5; // an opcode here still has its displacement
  if (last < 0) return; // and there may be no whole word
  const lead = -data.byteOffset & 3; // bytes before the first aligned word
  const words = new Int32Array(data.buffer, data.byteOffset + lead, Math.max(0, data.length - lead) >> 2);
  let mask = 0; // bit n: an opcode was seen n + 1 bytes before
  let previous = -1;
  for (
    let i = nextOpcode(data, words, lead, 0, last);
    i <= last;
    i = nextOpcode(data, words, lead, i + 1, last)
  ) {
    const distance = i - previous;
    mask = distance > 3 ? 0 : (mask << (distance - 1)) & 7;
    previous = i;

    const near = data[i + 4]!;
    const doubtful = mask !== 0 && (!MASK_ALLOWS[mask]! || isNear(data[i + 4 - MASK_TO_BIT[mask]!]!));
    if (doubtful || !isNear(near)) {
      mask = (mask << 1) | 1;
      continue;
    }
    const absolute = data[i + 1]! | (data[i + 2]! << 8) | (data[i + 3]! << 16) | (near << 24);
    const relative = toRelative(absolute, start + i + 5, mask);
    data[i + 1] = relative;
    data[i + 2] = relative >> 8;
    data[i + 3] = relative >> 16;
    data[i + 4] = (relative & 0x0100_0000) === 0 ? 0 : 0xff; // 25 bits, with the sign
    i += 4;
  }
}

/**
 * The first E8 or E9 from `from` on, up to `last`; beyond `last` if there is none.
 *
 * Four bytes at a time, where they are aligned: a byte of `odd` is 0 where an opcode is, and subtracting 1 from
 * each borrows into the high bit of such a byte first. Takes a third of the time of looking at each byte.
 */
function nextOpcode(data: Uint8Array, words: Int32Array, lead: number, from: number, last: number): number {
  let i = from;
  for (; ((i - lead) & 3) !== 0; i++) if (i > last || (data[i]! & 0xfe) === 0xe8) return i;
  const end = (last - lead) >> 2;
  let w = (i - lead) >> 2;
  for (; w < end; w++) {
    const odd = (words[w]! & 0xfefefefe) ^ 0xe8e8e8e8;
    if (((odd - 0x01010101) & ~odd & 0x80808080) !== 0) break;
  }
  i = Math.max(i, (w << 2) + lead);
  while (i <= last && (data[i]! & 0xfe) !== 0xe8) i++;
  return i;
}

function isNear(byte: number): boolean {
  return byte === 0x00 || byte === 0xff;
}

/** Subtract the position, until the bytes that an earlier opcode overlaps do not look near. */
function toRelative(absolute: number, position: number, mask: number): number {
  let source = absolute;
  for (;;) {
    const relative = (source - position) | 0;
    if (mask === 0) return relative;
    const bits = MASK_TO_BIT[mask]! * 8;
    if (!isNear((relative >>> (24 - bits)) & 0xff)) return relative;
    source = relative ^ ((2 ** (32 - bits) - 1) | 0);
  }
}
