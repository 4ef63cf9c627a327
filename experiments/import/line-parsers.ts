/**
 * One line of `perf script` or `trace-cmd report` text into one row of a chunk.
 *
 * perf:      COMM PID/TID [CPU] SECONDS: GROUP:EVENT: FIELDS     (without -F: COMM TID [CPU] ...)
 * trace-cmd: COMM-TID [CPU] SECONDS: EVENT: FIELDS
 * COMM may hold anything but a line end, so a header is accepted where all that follows it fits.
 */
import { KIND, type EventChunk, type Strings } from "./event.js";
import { kindOf, readFields } from "./fields.js";
import { COLON, decimalBackward, type Scanner, SPACE } from "./scan.js";

/** What a line was. */
export const LINE_EVENT = 0;
/** Not an event: a header, or nothing that a recorder writes. */
export const LINE_OTHER = 1;
/** The recorder says that it lost events. */
export const LINE_LOST = 2;
/** An event whose numbers or fields are not what the kernel prints. */
export const LINE_DAMAGED = 3;

const OPEN = 0x5b;
const CLOSE = 0x5d;
const SLASH = 0x2f;
const MINUS = 0x2d;
const LOST_PERF = Buffer.from("PERF_RECORD_LOST");
const LOST_TRACECMD = Buffer.from("EVENTS DROPPED");

/** Larger numbers are damage: Linux's own limits (PID_MAX_LIMIT, NR_CPUS), and a day of tracing times ten thousand. */
const PID_LIMIT = 4194304;
const CPU_LIMIT = 8192;
const TIME_LIMIT = 1e18;

/** Which of the two forms a line must have. */
export type Form = "perf" | "tracecmd";

/** Parse bytes start..end-1 of `buf` into row chunk.n, without counting it. */
export function parseLine(
  s: Scanner,
  buf: Buffer,
  start: number,
  end: number,
  form: Form,
  chunk: EventChunk,
  strings: Strings,
): number {
  for (let open = buf.indexOf(OPEN, start); open >= 0 && open < end; open = buf.indexOf(OPEN, open + 1)) {
    if (open === start || buf[open - 1] !== SPACE) continue;
    s.set(buf, open + 1, end);
    const cpu = s.decimal();
    if (Number.isNaN(cpu) || buf[s.pos] !== CLOSE) continue;
    s.pos++;
    s.skipSpaces();
    const time = s.nanoseconds();
    if (Number.isNaN(time) || buf[s.pos] !== COLON) continue;
    s.pos++;
    s.skipSpaces();
    const nameEnd = eventNameEnd(buf, s.pos, end);
    if (nameEnd < 0) continue;

    let owner = open - 1;
    while (owner > start && buf[owner - 1] === SPACE) owner--;
    if (!readOwner(s, buf, start, owner, form, chunk, strings)) continue;

    const row = chunk.n;
    const colon = buf.lastIndexOf(COLON, nameEnd - 1);
    const name = form === "perf" && colon >= s.pos ? colon + 1 : s.pos;
    const kind = kindOf(buf, name, nameEnd);
    chunk.kind[row] = kind;
    chunk.cpu[row] = cpu;
    chunk.time[row] = time;
    if (cpu < 0 || cpu >= CPU_LIMIT || time < 0 || time > TIME_LIMIT) return LINE_DAMAGED;
    if (chunk.tid[row]! >= PID_LIMIT || chunk.tgid[row]! >= PID_LIMIT) return LINE_DAMAGED;
    s.set(buf, nameEnd + 1, end);
    s.skipSpaces();
    while (s.end > s.pos && buf[s.end - 1] === SPACE) s.end--;
    return kind === KIND.OTHER || readFields(s, kind, chunk, row, strings) ? LINE_EVENT : LINE_DAMAGED;
  }
  const lost = (marker: Buffer) => {
    const at = buf.indexOf(marker, start);
    return at >= 0 && at + marker.length <= end;
  };
  return lost(form === "perf" ? LOST_PERF : LOST_TRACECMD) ? LINE_LOST : LINE_OTHER;
}

/** End of `group:event` or `event` at `pos`, which a colon follows; -1 if there is no such name. */
function eventNameEnd(buf: Buffer, pos: number, end: number): number {
  let at = pos;
  while (at < end && isNameByte(buf[at]!)) at++;
  if (at === pos || at >= end || buf[at] !== COLON) return -1;
  if (at + 1 < end && isNameByte(buf[at + 1]!)) {
    at++;
    while (at < end && isNameByte(buf[at]!)) at++;
    if (at >= end || buf[at] !== COLON) return -1;
  }
  return at;
}

function isNameByte(c: number): boolean {
  return (c >= 0x61 && c <= 0x7a) || c === 0x5f || (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x5a) || c === MINUS;
}

/** The task before the CPU, which ends at `end`. The scanner's place is kept. */
function readOwner(
  s: Scanner,
  buf: Buffer,
  start: number,
  end: number,
  form: Form,
  chunk: EventChunk,
  strings: Strings,
): boolean {
  const { pos, end: lineEnd } = s;
  const row = chunk.n;
  const tid = form === "perf" ? decimalBackward(buf, end, start) : unsignedBackward(buf, end, start);
  if (tid < 0) return false;
  let commEnd: number;
  s.pos = tid;
  chunk.tid[row] = s.decimal();
  if (form === "tracecmd") {
    if (tid <= start || buf[tid - 1] !== MINUS) return false;
    chunk.tgid[row] = -1;
    commEnd = tid - 1;
  } else if (tid > start && buf[tid - 1] === SLASH) {
    const tgid = decimalBackward(buf, tid - 1, start);
    if (tgid < 0) return false;
    s.pos = tgid;
    chunk.tgid[row] = s.decimal();
    commEnd = tgid;
  } else {
    if (tid <= start || buf[tid - 1] !== SPACE) return false;
    chunk.tgid[row] = -1;
    commEnd = tid;
  }
  s.set(buf, pos, lineEnd);
  while (commEnd > start && buf[commEnd - 1] === SPACE) commEnd--;
  let commStart = start;
  while (commStart < commEnd && buf[commStart] === SPACE) commStart++;
  chunk.comm[row] = strings.intern(buf, commStart, commEnd);
  return true;
}

function unsignedBackward(buf: Buffer, end: number, start: number): number {
  const at = decimalBackward(buf, end, start);
  return at >= 0 && buf[at] === MINUS ? at + 1 : at;
}
