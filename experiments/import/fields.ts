/**
 * What events say, behind their name: fields as perf and trace-cmd print them (the kernel's own format strings,
 * so both print the same, but for sched_switch).
 *
 * Mirrors: TP_printk() of include/trace/events/{sched,task}.h, arch/x86/include/asm/trace/*.h;
 *          print_syscall_enter(), kernel/trace/trace_syscalls.c.
 */
import { KIND, KINDS, type EventChunk, type Strings } from "./event.js";
import { COLON, decimalBackward, SPACE, type Scanner } from "./scan.js";

const text = (s: string): Buffer => Buffer.from(s, "latin1");

const PID = text(" pid=");
const PID_FIRST = text("pid=");
const CHILD_PID = text(" child_pid=");
const CLONE_FLAGS = text(" clone_flags=");
const OLD_PID = text(" old_pid=");
const PRIO = text(" prio=");
const ORIG_CPU = text(" orig_cpu=");
const DEST_CPU = text(" dest_cpu=");
const OLDCOMM = text(" oldcomm=");
const NEWCOMM = text(" newcomm=");
const OOM = text(" oom_score_adj=");
const ADDRESS = text("address=");
const IP = text(" ip=");
const ERROR_CODE = text(" error_code=");
const NR = text("NR ");
const VECTOR = text("vector=");
const COLON_SPACE = text(": ");
const PREV_PID = text(" prev_pid=");
const PREV_STATE = text(" prev_state=");
const NEXT_PID = text(" next_pid=");
const ARROW = text(" ==> ");
const ARROW_NEXT = text(" ==> next_comm=");

/** Kinds by name. A lookup by bytes: the names' lengths and three letters tell them apart; the whole is compared. */
const BY_HASH = new Map<number, { name: Buffer; kind: number }[]>();
for (const [kind, name] of KINDS.entries()) {
  const bytes = text(name);
  const hash = nameHash(bytes, 0, bytes.length);
  const list = BY_HASH.get(hash) ?? [];
  list.push({ name: bytes, kind });
  BY_HASH.set(hash, list);
}

/** KIND of the event name in bytes start..end-1; OTHER if it is none that is modelled. */
export function kindOf(buf: Buffer, start: number, end: number): number {
  for (const { name, kind } of BY_HASH.get(nameHash(buf, start, end)) ?? []) {
    if (name.length === end - start && name.compare(buf, start, end) === 0 && kind !== KIND.OTHER) return kind;
  }
  return KIND.OTHER;
}

function nameHash(buf: Buffer, start: number, end: number): number {
  return ((end - start) << 16) ^ (buf[end - 1]! << 8) ^ (buf[end - 3]! << 4) ^ buf[start + 4]!;
}

/**
 * Read the fields of an event of `kind` at the scanner into row `row`. False if they are not as the kernel
 * prints them: the line is damaged.
 */
export function readFields(s: Scanner, kind: number, chunk: EventChunk, row: number, strings: Strings): boolean {
  const [a0, a1, a2] = chunk.a;
  switch (kind) {
    case KIND.sys_enter:
      return s.literal(NR) && number((a0[row] = s.decimal())) && s.buf[s.pos] === SPACE;
    case KIND.page_fault_user:
    case KIND.page_fault_kernel:
      if (!s.literal(ADDRESS) || !number((a0[row] = s.hex())) || !s.literal(IP)) return false;
      a1[row] = s.hex(); // a symbol where the recorder knew one
      return s.behindLast(ERROR_CODE) && number((a2[row] = s.hex()));
    case KIND.sched_switch:
      return s.buf.indexOf(ARROW_NEXT, s.pos) >= 0 && s.buf.indexOf(ARROW_NEXT, s.pos) < s.end
        ? perfSwitch(s, chunk, row)
        : traceCmdSwitch(s, chunk, row);
    case KIND.sched_process_fork:
      if (!behindNumber(s, CHILD_PID, a1, row)) return false;
      s.end = s.pos; // the parent's pid stands before the child's name
      return forkParent(s, a0, row);
    case KIND.sched_process_exec:
      return lastNumber(s, OLD_PID, a1, row) && numberBefore(s, PID, OLD_PID, a0, row);
    case KIND.sched_process_exit:
      return numberBefore(s, PID, PRIO, a0, row);
    case KIND.sched_migrate_task:
      if (!lastNumber(s, DEST_CPU, a2, row) || !lastNumber(s, ORIG_CPU, a1, row)) return false;
      return numberBefore(s, PID, PRIO, a0, row);
    case KIND.task_newtask: {
      if (!s.literal(PID_FIRST) || !number((a0[row] = s.decimal()))) return false;
      if (!s.behindLast(CLONE_FLAGS)) return false;
      return number((a1[row] = s.hexDigits()));
    }
    case KIND.task_rename: {
      if (!s.literal(PID_FIRST) || !number((a0[row] = s.decimal())) || !s.literal(OLDCOMM)) return false;
      const oom = s.buf.lastIndexOf(OOM, s.end);
      if (oom < s.pos || !s.behindLast(NEWCOMM)) return false;
      a1[row] = strings.intern(s.buf, s.pos, oom);
      return true;
    }
    default:
      if (kind >= KIND.local_timer_entry) return s.literal(VECTOR) && number((a0[row] = s.decimal()));
      if (kind >= KIND.sys_exit_mmap) return number((a0[row] = s.hex()));
      return kind === KIND.OTHER || syscallArguments(s, kind, chunk, row);
  }
}

/** How many arguments of a system call are needed. */
function wanted(kind: number): number {
  switch (kind) {
    case KIND.sys_enter_mmap:
      return 6;
    case KIND.sys_enter_mremap:
      return 5;
    case KIND.sys_enter_mprotect:
    case KIND.sys_enter_madvise:
      return 3;
    case KIND.sys_enter_munmap:
      return 2;
    case KIND.sys_enter_brk:
    case KIND.sys_enter_clone:
      return 1;
    default:
      return 0;
  }
}

/** `name: 0x.., name: 0x..` */
function syscallArguments(s: Scanner, kind: number, chunk: EventChunk, row: number): boolean {
  const n = wanted(kind);
  for (let i = 0; i < n; i++) {
    if (!s.behind(COLON_SPACE)) return false;
    const value = s.hex();
    if (Number.isNaN(value)) return false;
    chunk.a[i]![row] = value;
  }
  return true;
}

/** `prev_comm=A prev_pid=N prev_prio=N prev_state=S ==> next_comm=B next_pid=N next_prio=N`; names may hold anything. */
function perfSwitch(s: Scanner, chunk: EventChunk, row: number): boolean {
  const { buf, pos: start, end } = s;
  const arrow = buf.lastIndexOf(ARROW_NEXT, end);
  if (arrow < start) return false;
  if (!s.behindLast(NEXT_PID) || s.pos < arrow || !number((chunk.a[1][row] = s.decimal()))) return false;

  s.set(buf, start, arrow);
  const state = buf.lastIndexOf(PREV_STATE, arrow);
  if (state < start) return false;
  chunk.a[2][row] = dead(buf[state + PREV_STATE.length]!);
  s.end = state;
  const found = s.behindLast(PREV_PID) && number((chunk.a[0][row] = s.decimal()));
  s.set(buf, start, end);
  return found;
}

/** `A:N [prio] S ==> B:N [prio]`; names may hold anything, so it is read from the end. */
function traceCmdSwitch(s: Scanner, chunk: EventChunk, row: number): boolean {
  const { buf, pos: start, end } = s;
  const next = colonNumberBefore(buf, start, end);
  if (next < 0) return false;
  s.pos = next + 1;
  chunk.a[1][row] = s.decimal();
  // the next task's name has up to 15 bytes, and may hold an arrow: take one that has a task before it
  for (let at = next; (at = buf.lastIndexOf(ARROW, at - 1)) >= start; ) {
    let state = at;
    while (state > start && buf[state - 1] !== SPACE) state--;
    const prev = colonNumberBefore(buf, start, state - 1);
    if (prev < 0) continue;
    s.pos = prev + 1;
    chunk.a[0][row] = s.decimal();
    chunk.a[2][row] = dead(buf[state]!);
    return true;
  }
  return false;
}

/** In `...:N [prio]` that ends at `end`: index of the colon, or -1. */
function colonNumberBefore(buf: Buffer, start: number, end: number): number {
  if (buf[end - 1] !== 0x5d /* ] */) return -1;
  const open = buf.lastIndexOf(0x5b /* [ */, end - 1);
  if (open <= start || buf[open - 1] !== SPACE) return -1;
  const digits = decimalBackward(buf, open - 1, start);
  return digits > start && buf[digits - 1] === COLON ? digits - 1 : -1;
}

/** `comm=A pid=N child_comm=B child_pid=N`, the scanner's end being behind the last number. */
function forkParent(s: Scanner, column: Float64Array, row: number): boolean {
  const child = s.buf.lastIndexOf(" child_comm=", s.end);
  if (child < 0) return false;
  const digits = decimalBackward(s.buf, child, 0);
  if (digits < 0) return false;
  s.pos = digits;
  return number((column[row] = s.decimal()));
}

/** The number behind the last `label`. */
function lastNumber(s: Scanner, label: Buffer, column: Float64Array, row: number): boolean {
  const start = s.pos;
  const found = s.behindLast(label) && number((column[row] = s.decimal()));
  s.pos = start;
  return found;
}

function behindNumber(s: Scanner, label: Buffer, column: Float64Array, row: number): boolean {
  return s.behindLast(label) && number((column[row] = s.decimal()));
}

/** The number behind the last `label` that ends where `follows` begins. */
function numberBefore(s: Scanner, label: Buffer, follows: Buffer, column: Float64Array, row: number): boolean {
  const start = s.pos;
  const at = s.buf.lastIndexOf(follows, s.end);
  if (at < start) return false;
  const digits = decimalBackward(s.buf, at, start);
  if (digits < 0 || digits - label.length < start) return false;
  if (s.buf.compare(label, 0, label.length, digits - label.length, digits) !== 0) return false;
  s.pos = digits;
  const found = number((column[row] = s.decimal()));
  s.pos = start;
  return found;
}

function dead(state: number): number {
  return state === 0x58 /* X */ || state === 0x5a /* Z */ ? 1 : 0;
}

function number(value: number): boolean {
  return !Number.isNaN(value);
}
