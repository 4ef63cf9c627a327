/**
 * The fast form of readHeader() (header.ts), for lines that are padded as recorders do: the name of the task ends in
 * column 16, whatever it holds, so that all else can be read forward, byte by byte.
 */
import { COMM_COLUMNS, type Form } from "./line.js";
import type { Header } from "./header.js";
import { COLON, MINUS, SPACE } from "./scan.js";

const ZERO = 0x30;
const DOT = 0x2e;
const SLASH = 0x2f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
/** Most digits of numbers that are below PID_LIMIT, CPU_LIMIT and SECONDS_LIMIT for sure, and of nanoseconds. */
const PID_DIGITS = 6;
const CPU_DIGITS = 3;
const SECONDS_DIGITS = 9;
const FRACTION_DIGITS = 9;
const SCALE = [0, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 10, 1];

/** Read the header of bytes start..end-1 into `h`. False if the line is not of the usual form: use readHeader(). */
export function readPaddedHeader(buf: Buffer, start: number, end: number, form: Form, h: Header): boolean {
  let pos = start + COMM_COLUMNS;
  // a name that fills all columns may be longer than they are; and no header is shorter than 32 bytes
  if (end - start < 2 * COMM_COLUMNS || buf[start] !== SPACE) return false;
  if (buf[pos] !== (form === "perf" ? SPACE : MINUS)) return false;
  pos++;
  if (form === "perf") while (buf[pos] === SPACE) pos++;

  let tgid = -1;
  let tid = 0;
  let first = pos;
  for (let d = buf[pos]! - ZERO; d >= 0 && d <= 9; d = buf[++pos]! - ZERO) tid = tid * 10 + d;
  if (pos === first || pos - first > PID_DIGITS) return false;
  if (form === "perf" && buf[pos] === SLASH) {
    tgid = tid;
    tid = 0;
    first = ++pos;
    for (let d = buf[pos]! - ZERO; d >= 0 && d <= 9; d = buf[++pos]! - ZERO) tid = tid * 10 + d;
    if (pos === first || pos - first > PID_DIGITS) return false;
  }
  if (buf[pos] !== SPACE) return false;
  while (buf[pos] === SPACE) pos++;

  if (buf[pos] !== OPEN) return false;
  let cpu = 0;
  first = ++pos;
  for (let d = buf[pos]! - ZERO; d >= 0 && d <= 9; d = buf[++pos]! - ZERO) cpu = cpu * 10 + d;
  if (pos === first || pos - first > CPU_DIGITS || buf[pos] !== CLOSE) return false;
  pos++;
  while (buf[pos] === SPACE) pos++;

  let seconds = 0;
  first = pos;
  for (let d = buf[pos]! - ZERO; d >= 0 && d <= 9; d = buf[++pos]! - ZERO) seconds = seconds * 10 + d;
  if (pos === first || pos - first > SECONDS_DIGITS || buf[pos] !== DOT) return false;
  let fraction = 0;
  first = ++pos;
  for (let d = buf[pos]! - ZERO; d >= 0 && d <= 9; d = buf[++pos]! - ZERO) fraction = fraction * 10 + d;
  if (pos === first || pos - first > FRACTION_DIGITS || buf[pos] !== COLON) return false;
  h.fraction = fraction * SCALE[pos - first]!;
  pos++;
  while (buf[pos] === SPACE) pos++;
  if (pos >= end) return false; // part of what was read was the next line's

  let commStart = start;
  let commEnd = start + COMM_COLUMNS;
  while (commEnd > start && buf[commEnd - 1] === SPACE) commEnd--;
  while (commStart < commEnd && buf[commStart] === SPACE) commStart++;
  h.tid = tid;
  h.tgid = tgid;
  h.cpu = cpu;
  h.seconds = seconds;
  h.commStart = commStart;
  h.commEnd = commEnd;
  h.event = pos;
  h.damaged = false;
  return true;
}
