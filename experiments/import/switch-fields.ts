/**
 * The fields of sched_switch, which the two recorders print in forms of their own:
 *
 *     perf:      prev_comm=A prev_pid=N prev_prio=N prev_state=S ==> next_comm=B next_pid=N next_prio=N
 *     trace-cmd: A:N [prio] S ==> B:N [prio]
 *
 * A and B may hold an arrow too, even behind what looks like a task; so an arrow counts where the task before it is the
 * one that the line belongs to, or else where there is one.
 */
import { type EventChunk, PREV_DEAD, PREV_UNINTERRUPTIBLE } from "./event.js";
import { COLON, decimalBackward, matches, type Scanner, SPACE } from "./scan.js";

const text = (s: string): Buffer => Buffer.from(s, "latin1");

const PREV_COMM = text("prev_comm=");
const PREV_PID = text(" prev_pid=");
const PREV_PRIO = text(" prev_prio=");
const PREV_STATE = text(" prev_state=");
const NEXT_PID = text(" next_pid=");
const NEXT_PRIO = text(" next_prio=");
const ARROW_NEXT = text(" ==> next_comm=");
const ARROW = text(" ==> ");
const OPEN = 0x5b;
const CLOSE = 0x5d;
const STATE_DEAD = 0x58; // X
const STATE_ZOMBIE = 0x5a; // Z
const STATE_UNINTERRUPTIBLE = 0x44; // D

/** Read the switch at the scanner into row `row`: previous and next task, and what the previous waits for. */
export function readSwitch(s: Scanner, chunk: EventChunk, row: number): boolean {
  return s.end - s.pos > PREV_COMM.length && matches(s.buf, s.pos, PREV_COMM) && s.buf[s.end - 1] !== CLOSE
    ? perfSwitch(s, chunk, row)
    : traceCmdSwitch(s, chunk, row);
}

function perfSwitch(s: Scanner, chunk: EventChunk, row: number): boolean {
  if (isNaN(s.lastDecimal(NEXT_PRIO)) || isNaN((chunk.a[1][row] = s.lastDecimal(NEXT_PID)))) return false;
  for (let arrow = s.lastIndexOf(ARROW_NEXT, s.end); arrow >= 0; arrow = s.lastIndexOf(ARROW_NEXT, arrow)) {
    const state = s.lastIndexOf(PREV_STATE, arrow);
    if (state < 0) return false;
    s.end = state;
    if (!isNaN(s.lastDecimal(PREV_PRIO)) && !isNaN((chunk.a[0][row] = s.lastDecimal(PREV_PID)))) {
      chunk.a[2][row] = waits(s.buf[state + PREV_STATE.length]!);
      return true;
    }
  }
  return false;
}

function traceCmdSwitch(s: Scanner, chunk: EventChunk, row: number): boolean {
  const { buf, pos: start, end } = s;
  const next = taskBefore(buf, start, end);
  if (next < 0) return false;
  s.pos = next + 1;
  chunk.a[1][row] = s.decimal();
  s.pos = start;
  let found = false;
  // the arrow may be right before the colon: the next task's name may be empty
  for (let at = s.lastIndexOf(ARROW, next); at >= 0; at = s.lastIndexOf(ARROW, at + ARROW.length - 1)) {
    let state = at;
    while (state > start && buf[state - 1] !== SPACE) state--;
    const prev = taskBefore(buf, start, state - 1);
    if (prev < 0) continue;
    s.pos = prev + 1;
    const tid = s.decimal();
    s.pos = start;
    if (found && tid !== chunk.tid[row]) continue;
    chunk.a[0][row] = tid;
    chunk.a[2][row] = waits(buf[state]!);
    found = true;
    if (tid === chunk.tid[row]) break; // the task that switches away is the line's own
  }
  return found;
}

/** In `NAME:N [prio]` that ends at `end`: index of the colon, or -1. */
function taskBefore(buf: Buffer, start: number, end: number): number {
  if (end <= start || buf[end - 1] !== CLOSE) return -1;
  const prio = decimalBackward(buf, end - 1, start);
  if (prio < start + 2 || buf[prio - 1] !== OPEN || buf[prio - 2] !== SPACE) return -1;
  const tid = decimalBackward(buf, prio - 2, start);
  return tid > start && buf[tid - 1] === COLON ? tid - 1 : -1;
}

function waits(state: number): number {
  if (state === STATE_DEAD || state === STATE_ZOMBIE) return PREV_DEAD;
  return state === STATE_UNINTERRUPTIBLE ? PREV_UNINTERRUPTIBLE : 0;
}
