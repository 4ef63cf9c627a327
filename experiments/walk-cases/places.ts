/**
 * Where the frames of a recorded walk are, and the text of an entry: names and hex numbers, joined by `|`.
 *
 * Mirrors: test/data/x86-walk/README.md.
 */

/** Frames of the recording processor's RAM: 3 GiB; and its tables end with t15. */
export const RAM_FRAMES = 0xc0000;
export const TABLE_FRAMES = 0x4010;

/** A kind of frame: `count` of them, the first (numbered `from`) at `base`, each of `bytes`. */
const KINDS: Record<string, { from: number; count: number; base: number; bytes: number }> = {
  t: { from: 0, count: 16, base: 0x4000000, bytes: 0x1000 },
  d: { from: 0, count: 32, base: 0x4100000, bytes: 0x1000 },
  m: { from: 0, count: 4, base: 0x4200000, bytes: 0x200000 },
  g: { from: 1, count: 2, base: 0x40000000, bytes: 0x40000000 },
};

const FRAME = "(?:t(?:\\d|1[0-5])|d(?:\\d|[12]\\d|3[01])|m[0-3]|g[12])";
const HEX = "0x[0-9a-fA-F]{1,16}";
export const tableName = /^t(\d|1[0-5])$/;
export const hexText = new RegExp(`^${HEX}$`);
export const entryText = new RegExp(`^(?:${FRAME}|${HEX})(?:\\|(?:${FRAME}|${HEX}))*$`);
export const placeText = new RegExp(`^(?:outside|${HEX}|${FRAME}(?:\\+${HEX})?)$`);

/** The 64 bits of an entry's text. */
export function entryValue(text: string): bigint {
  return text.split("|").reduce((value, part) => value | addressOf(part), 0n);
}

/** "d3+0x128" for an address in a named frame, else hex; "outside" where there is no RAM. */
export function placeOf(address: number): string {
  if (address >= RAM_FRAMES * 4096) return "outside";
  for (const [kind, { from, count, base, bytes }] of Object.entries(KINDS)) {
    const offset = address - base;
    if (offset < 0 || offset >= count * bytes) continue;
    const within = offset % bytes;
    return `${kind}${from + Math.floor(offset / bytes)}${within === 0 ? "" : `+0x${within.toString(16)}`}`;
  }
  return `0x${address.toString(16)}`;
}

/** Do two places name one address? All those outside RAM are one. */
export function samePlace(a: string, b: string): boolean {
  const [one, other] = [a, b].map((place) => (place === "outside" ? place : placeOf(sum(place))));
  return one === other;
}

export function tableFrame(name: string): number {
  return Number(addressOf(name)) / 4096;
}

function sum(place: string): number {
  return place.split("+").reduce((total, part) => total + Number(addressOf(part)), 0);
}

/** Of a frame's name, or of a number as it stands. */
function addressOf(part: string): bigint {
  if (part.startsWith("0x")) return BigInt(part);
  const { from, base, bytes } = KINDS[part[0]!]!;
  return BigInt(base + (Number(part.slice(1)) - from) * bytes);
}
