/** The task that a line begins with: `COMM PID/TID` or `COMM TID` (perf), `COMM-TID` (trace-cmd). */
import type { EventChunk, Strings } from "./event.js";
import { COMM_COLUMNS, LINE_DAMAGED, LINE_EVENT, LINE_OTHER, type Form } from "./line.js";
import { COLON, decimalBackward, MINUS, type Scanner, SPACE } from "./scan.js";

const SLASH = 0x2f;
/** Only workers have longer names than other tasks: kworker/u16:3-events_unbound. */
const LONGEST_COMM = 63;

/**
 * Read the task that stands in bytes start..end-1 into row chunk.n; the scanner's place is kept.
 *
 * Returns LINE_EVENT; LINE_OTHER if no task stands there; LINE_DAMAGED if it has more before it than a name,
 * as where two lines have run together.
 */
export function readOwner(
  s: Scanner,
  buf: Buffer,
  start: number,
  end: number,
  form: Form,
  chunk: EventChunk,
  strings: Strings,
): number {
  const { pos, end: lineEnd } = s;
  const row = chunk.n;
  while (end > start && buf[end - 1] === SPACE) end--;
  let tid = decimalBackward(buf, end, start);
  if (tid < 0) return LINE_OTHER;
  let commEnd: number;
  chunk.tgid[row] = -1;
  if (form === "tracecmd") {
    if (buf[tid] === MINUS) tid++;
    commEnd = tid - 1;
    if (commEnd < start || buf[commEnd] !== MINUS) return LINE_OTHER;
  } else if (tid > start && buf[tid - 1] === SLASH) {
    commEnd = decimalBackward(buf, tid - 1, start);
    if (commEnd < 0) return LINE_OTHER;
    s.set(buf, commEnd, tid);
    chunk.tgid[row] = s.decimal();
  } else {
    commEnd = tid;
  }
  if (form === "perf" && (commEnd === start || buf[commEnd - 1] !== SPACE)) return LINE_OTHER;

  s.set(buf, tid, end);
  const id = s.decimal();
  if (id < -1) return LINE_OTHER;
  chunk.tid[row] = id;
  s.set(buf, pos, lineEnd);
  let commStart = form === "tracecmd" ? behindInstance(buf, start, commEnd) : start;
  while (commEnd > commStart && buf[commEnd - 1] === SPACE) commEnd--;
  if (
    commEnd - commStart > COMM_COLUMNS &&
    (buf[commStart] === SPACE || commEnd - commStart > LONGEST_COMM)
  ) {
    return LINE_DAMAGED;
  }
  while (commStart < commEnd && buf[commStart] === SPACE) commStart++;
  chunk.comm[row] = strings.intern(buf, commStart, commEnd, id);
  return LINE_EVENT;
}

/** trace-cmd puts `NAME: ` before lines of a buffer instance of that name, and blanks before the others. */
function behindInstance(buf: Buffer, start: number, commEnd: number): number {
  const column = commEnd - COMM_COLUMNS;
  if (column <= start + 1 || buf[column - 1] !== SPACE) return start;
  let at = column - 1;
  while (at > start && buf[at - 1] === SPACE) at--;
  return at === start || buf[at - 1] === COLON ? column : start;
}
