/**
 * One line of `perf script` or `trace-cmd report` text into one row of a chunk.
 *
 *     perf:      COMM PID/TID [CPU] SECONDS: GROUP:EVENT: FIELDS     (without -F: COMM TID [CPU] ...)
 *     trace-cmd: COMM-TID [CPU] SECONDS: EVENT: FIELDS               (some versions: flags before SECONDS)
 *
 * COMM may hold anything but a line end, and is padded to 16 columns. So the header is looked for behind these
 * first, and is accepted where all that follows it fits.
 */
import { KIND, type EventChunk, type Strings } from "./event.js";
import { readFields } from "./fields.js";
import { kindOf } from "./kind-names.js";
import { COLON, MINUS, type Scanner, SPACE } from "./scan.js";
import { readOwner } from "./owner.js";
import {
  type Clock,
  COMM_COLUMNS,
  CPU_LIMIT,
  type Form,
  LINE_DAMAGED,
  LINE_EVENT,
  LINE_LOST,
  LINE_OTHER,
  PID_LIMIT,
  SECONDS_LIMIT,
} from "./line.js";

const OPEN = 0x5b;
const CLOSE = 0x5d;
const LOST_PERF = Buffer.from("PERF_RECORD_LOST");
const LOST_TRACECMD = Buffer.from("EVENTS DROPPED");

/** Parse bytes start..end-1 of `buf` into row chunk.n, without counting it. */
export function parseLine(
  s: Scanner,
  buf: Buffer,
  start: number,
  end: number,
  form: Form,
  clock: Clock,
  chunk: EventChunk,
  strings: Strings,
): number {
  const columns = Math.min(start + COMM_COLUMNS, end);
  let answer = headers(s, buf, start, columns, end, form, clock, chunk, strings);
  if (answer === LINE_OTHER) answer = headers(s, buf, start, start + 1, end, form, clock, chunk, strings);
  if (answer !== LINE_OTHER) return answer;
  s.set(buf, start, end);
  return s.behind(form === "perf" ? LOST_PERF : LOST_TRACECMD) ? LINE_LOST : LINE_OTHER;
}

/** Try each ` [` from `from` on as the header. */
function headers(
  s: Scanner,
  buf: Buffer,
  start: number,
  from: number,
  end: number,
  form: Form,
  clock: Clock,
  chunk: EventChunk,
  strings: Strings,
): number {
  const row = chunk.n;
  for (let open = from; open < end; open++) {
    if (buf[open] !== OPEN || buf[open - 1] !== SPACE) continue;
    s.set(buf, open + 1, end);
    const cpu = s.decimal();
    if (isNaN(cpu) || s.pos >= end || buf[s.pos] !== CLOSE) continue;
    s.pos++;
    s.skipSpaces();
    const seconds = timestampBehindFlags(s);
    if (isNaN(seconds) || s.pos >= end || buf[s.pos] !== COLON) continue;
    s.pos++;
    s.skipSpaces();
    const name = s.pos;
    const nameEnd = eventNameEnd(buf, name, end);
    if (nameEnd < 0) continue;
    const owner = readOwner(s, buf, start, open, form, chunk, strings);
    if (owner === LINE_OTHER) continue;
    if (owner === LINE_DAMAGED || cpu < 0 || cpu >= CPU_LIMIT || seconds < 0 || seconds > SECONDS_LIMIT) {
      return LINE_DAMAGED;
    }
    if (chunk.tid[row]! >= PID_LIMIT || chunk.tgid[row]! >= PID_LIMIT) return LINE_DAMAGED;

    chunk.time[row] = clock.time(seconds, s.fraction);
    chunk.cpu[row] = cpu;
    const nameStart = form === "perf" ? behindGroup(buf, name, nameEnd) : name;
    const kind = kindOf(buf, nameStart, nameEnd);
    chunk.kind[row] = kind;
    if (kind === KIND.OTHER)
      chunk.a[0][row] = strings.intern(buf, nameStart, nameEnd, ~(nameEnd - nameStart));
    s.set(buf, nameEnd + 1, end);
    s.skipSpaces();
    while (s.end > s.pos && buf[s.end - 1] === SPACE) s.end--;
    return readFields(s, kind, chunk, row, strings) ? LINE_EVENT : LINE_DAMAGED;
  }
  return LINE_OTHER;
}

/** A time, perhaps behind a word of flags (`d..2.`), which newer versions of trace-cmd print. */
function timestampBehindFlags(s: Scanner): number {
  const { buf, pos, end } = s;
  const seconds = s.timestamp();
  if (!isNaN(seconds)) return seconds;
  let at = pos;
  while (at < end && buf[at] !== SPACE && buf[at] !== COLON) at++;
  if (at >= end || buf[at] !== SPACE || at - pos < 4 || at - pos > 8) return NaN;
  s.pos = at;
  s.skipSpaces();
  return s.timestamp();
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

function behindGroup(buf: Buffer, pos: number, nameEnd: number): number {
  for (let at = pos; at < nameEnd; at++) if (buf[at] === COLON) return at + 1;
  return pos;
}

function isNameByte(c: number): boolean {
  return (
    (c >= 0x61 && c <= 0x7a) ||
    c === 0x5f ||
    (c >= 0x30 && c <= 0x39) ||
    (c >= 0x41 && c <= 0x5a) ||
    c === MINUS
  );
}
