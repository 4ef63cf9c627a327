/** Kinds of events by the bytes of their name. */
import { KIND, KINDS } from "./event.js";
import { matches } from "./scan.js";

/** Slots of the table; a power of two, large enough that the names share few slots. */
const SLOTS = 1024;
const CAPITAL_O = 0x4f;

interface Entry {
  readonly name: Buffer;
  readonly kind: number;
}

const TABLE: (Entry[] | undefined)[] = new Array<Entry[] | undefined>(SLOTS).fill(undefined);
for (const [kind, name] of KINDS.entries()) {
  const bytes = Buffer.from(name, "latin1");
  (TABLE[hash(bytes, 0, bytes.length)] ??= []).push({ name: bytes, kind });
}

/** KIND of the event name in bytes start..end-1; OTHER if it is none that is modelled. */
export function kindOf(buf: Buffer, start: number, end: number): number {
  if (end - start < 5 || buf[start] === CAPITAL_O) return KIND.OTHER;
  const entries = TABLE[hash(buf, start, end)];
  if (entries === undefined) return KIND.OTHER;
  for (const { name, kind } of entries) {
    if (name.length === end - start && matches(buf, start, name)) return kind;
  }
  return KIND.OTHER;
}

/** The length and the letters in which the names differ. */
function hash(buf: Buffer, start: number, end: number): number {
  const h = (end - start) * 37 + buf[end - 1]! * 5 + buf[end - 3]! * 11 + buf[start + 4]! * 3;
  return h & (SLOTS - 1);
}
