/**
 * What a line of perf or trace-cmd begins with: the task, the CPU, the time.
 *
 *     perf:      COMM PID/TID [CPU] SECONDS:     (without -F: COMM TID [CPU] ...)
 *     trace-cmd: COMM-TID [CPU] SECONDS:         (some versions: flags before SECONDS)
 *
 * COMM may hold anything but a line end, so each ` [` is tried, and accepted where all around it fits. Lines that
 * are padded as usual are read faster by readPaddedHeader() (padded-header.ts), with the same result.
 */
import { COMM_COLUMNS, CPU_LIMIT, type Form, PID_LIMIT, SECONDS_LIMIT } from "./line.js";
import { COLON, decimalBackward, MINUS, type Scanner, SPACE } from "./scan.js";

const OPEN = 0x5b;
const CLOSE = 0x5d;
const SLASH = 0x2f;
/** Only workers have longer names than other tasks: kworker/u16:3-events_unbound. */
const LONGEST_COMM = 63;

/** A header that was read; the reader's caller keeps the record and uses it again. */
export class Header {
  tid = -1;
  /** -1 where the form does not say. */
  tgid = -1;
  cpu = 0;
  seconds = 0;
  /** Of a second, in nanoseconds. */
  fraction = 0;
  /** Where the name of the task is, and where the event begins. */
  commStart = 0;
  commEnd = 0;
  event = 0;
  /** A number is beyond all limits, or more than a name is before the task: two lines have run together. */
  damaged = false;
}

/** Read the header of bytes start..end-1 into `h`, trying each ` [` from `from` on; false if there is none. */
export function readHeader(
  s: Scanner,
  buf: Buffer,
  start: number,
  from: number,
  end: number,
  form: Form,
  h: Header,
): boolean {
  for (let open = from; open < end; open++) {
    if (buf[open] !== OPEN || buf[open - 1] !== SPACE) continue;
    s.set(buf, open + 1, end);
    h.cpu = s.decimal();
    if (isNaN(h.cpu) || s.pos >= end || buf[s.pos] !== CLOSE) continue;
    s.pos++;
    s.skipSpaces();
    h.seconds = timestampBehindFlags(s);
    h.fraction = s.fraction;
    if (isNaN(h.seconds) || s.pos >= end || buf[s.pos] !== COLON) continue;
    s.pos++;
    s.skipSpaces();
    h.event = s.pos;
    h.damaged = h.cpu < 0 || h.cpu >= CPU_LIMIT || h.seconds < 0 || h.seconds > SECONDS_LIMIT;
    if (readOwner(s, buf, start, open, form, h)) return true;
  }
  return false;
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

/** The task that stands in bytes start..end-1; false if none does. */
function readOwner(s: Scanner, buf: Buffer, start: number, end: number, form: Form, h: Header): boolean {
  while (end > start && buf[end - 1] === SPACE) end--;
  let tid = decimalBackward(buf, end, start);
  if (tid < 0) return false;
  h.tgid = -1;
  if (form === "tracecmd") {
    if (buf[tid] === MINUS) tid++;
    h.commEnd = tid - 1;
    if (h.commEnd < start || buf[h.commEnd] !== MINUS) return false;
  } else if (tid > start && buf[tid - 1] === SLASH) {
    h.commEnd = decimalBackward(buf, tid - 1, start);
    if (h.commEnd < 0) return false;
    s.set(buf, h.commEnd, tid);
    h.tgid = s.decimal();
  } else {
    h.commEnd = tid;
  }
  if (form === "perf" && (h.commEnd === start || buf[h.commEnd - 1] !== SPACE)) return false;
  s.set(buf, tid, end);
  h.tid = s.decimal();
  if (h.tid < -1) return false;

  h.commStart = form === "tracecmd" ? behindInstance(buf, start, h.commEnd) : start;
  while (h.commEnd > h.commStart && buf[h.commEnd - 1] === SPACE) h.commEnd--;
  const columns = h.commEnd - h.commStart;
  if (columns > COMM_COLUMNS && (buf[h.commStart] === SPACE || columns > LONGEST_COMM)) h.damaged = true;
  if (h.tid >= PID_LIMIT || h.tgid >= PID_LIMIT) h.damaged = true;
  while (h.commStart < h.commEnd && buf[h.commStart] === SPACE) h.commStart++;
  return true;
}

/** trace-cmd puts `NAME: ` before lines of a buffer instance of that name, and blanks before the others. */
function behindInstance(buf: Buffer, start: number, commEnd: number): number {
  const column = commEnd - COMM_COLUMNS;
  if (column <= start + 1 || buf[column - 1] !== SPACE) return start;
  let at = column - 1;
  while (at > start && buf[at - 1] === SPACE) at--;
  return at === start || buf[at - 1] === COLON ? column : start;
}
