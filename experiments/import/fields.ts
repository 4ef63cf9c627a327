/**
 * What events say, behind their name: fields as perf and trace-cmd print them. Both use the kernel's own format
 * strings, so they differ in sched_switch only (switch-fields.ts).
 *
 * Names of tasks may hold anything, labels and arrows too, but have at most 15 bytes. So fields behind a
 * name are read from the end of the line, label by label.
 *
 * Mirrors: TP_printk() of include/trace/events/{sched,task}.h, arch/x86/include/asm/trace/*.h;
 *          print_syscall_enter(), kernel/trace/trace_syscalls.c.
 */
import { isInterrupt, isSyscallExit, KIND, type EventChunk, type Strings } from "./event.js";
import { COLON, SPACE, type Scanner } from "./scan.js";
import { readSwitch } from "./switch-fields.js";

const text = (s: string): Buffer => Buffer.from(s, "latin1");

const PID = text(" pid=");
const PID_FIRST = text("pid=");
const CHILD_PID = text(" child_pid=");
const CHILD_COMM = text(" child_comm=");
const CLONE_FLAGS = text(" clone_flags=");
const OLD_PID = text(" old_pid=");
const PRIO = text(" prio=");
const GROUP_DEAD = text(" group_dead=");
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
const CLOSE = 0x29;

/**
 * Read the fields of an event of `kind` at the scanner into row `row`. False if they are not as the kernel
 * prints them: the line is damaged.
 */
export function readFields(
  s: Scanner,
  kind: number,
  chunk: EventChunk,
  row: number,
  strings: Strings,
): boolean {
  const [a0, a1, a2] = chunk.a;
  switch (kind) {
    case KIND.OTHER:
      return true;
    case KIND.sys_enter:
      return (
        s.literal(NR) && !isNaN((a0[row] = s.decimal())) && s.end > s.pos + 2 && s.buf[s.end - 1] === CLOSE
      );
    case KIND.page_fault_user:
    case KIND.page_fault_kernel:
      if (!s.literal(ADDRESS) || isNaN((a0[row] = s.hex())) || !s.literal(IP)) return false;
      a1[row] = s.hex(); // NaN for a symbol, where the recorder knew one
      return s.behind(ERROR_CODE) && !isNaN((a2[row] = s.hex())) && s.atEnd;
    case KIND.sched_switch:
      return readSwitch(s, chunk, row);
    case KIND.sched_process_fork:
      return !isNaN((a1[row] = s.lastDecimal(CHILD_PID))) && forkParent(s, a0, row);
    case KIND.sched_process_exec:
      return !isNaN((a1[row] = s.lastDecimal(OLD_PID))) && !isNaN((a0[row] = s.lastDecimal(PID)));
    case KIND.sched_process_exit: {
      const flag = s.lastIndexOf(GROUP_DEAD, s.end); // newer kernels only
      if (flag >= 0) s.end = flag;
      return !isNaN(s.lastDecimal(PRIO)) && !isNaN((a0[row] = s.lastDecimal(PID)));
    }
    case KIND.sched_migrate_task:
      if (isNaN((a2[row] = s.lastDecimal(DEST_CPU))) || isNaN((a1[row] = s.lastDecimal(ORIG_CPU))))
        return false;
      return !isNaN(s.lastDecimal(PRIO)) && !isNaN((a0[row] = s.lastDecimal(PID)));
    case KIND.task_newtask:
      return newtask(s, chunk, row);
    case KIND.task_rename:
      return rename(s, chunk, row, strings);
    default:
      if (isInterrupt(kind)) return s.literal(VECTOR) && !isNaN((a0[row] = s.decimal())) && s.atEnd;
      if (isSyscallExit(kind)) return !isNaN((a0[row] = s.hex())) && s.atEnd;
      return syscallArguments(s, kind, chunk, row);
  }
}

/** `pid=N comm=NAME clone_flags=HEX oom_score_adj=N`. */
function newtask(s: Scanner, chunk: EventChunk, row: number): boolean {
  if (isNaN(s.lastDecimal(OOM))) return false;
  const flags = s.lastIndexOf(CLONE_FLAGS, s.end);
  if (flags < 0 || !s.literal(PID_FIRST) || isNaN((chunk.a[0][row] = s.decimal()))) return false;
  s.pos = flags + CLONE_FLAGS.length;
  return !isNaN((chunk.a[1][row] = s.hexDigits())) && s.atEnd;
}

/** `pid=N oldcomm=OLD newcomm=NEW oom_score_adj=N`; OLD has been a name too, so the first label that fits is it. */
function rename(s: Scanner, chunk: EventChunk, row: number, strings: Strings): boolean {
  if (isNaN(s.lastDecimal(OOM))) return false;
  const tid = s.literal(PID_FIRST) ? s.decimal() : NaN;
  if (isNaN(tid) || !s.literal(OLDCOMM) || !s.behind(NEWCOMM)) return false;
  chunk.a[0][row] = tid;
  chunk.a[1][row] = strings.intern(s.buf, s.pos, s.end, tid);
  return true;
}

/** `comm=A pid=N child_comm=B`, the rest being cut off already: the label before which a pid stands is it. */
function forkParent(s: Scanner, column: Float64Array, row: number): boolean {
  for (let at = s.lastIndexOf(CHILD_COMM, s.end); at >= 0; at = s.lastIndexOf(CHILD_COMM, at)) {
    const { end } = s;
    s.end = at;
    column[row] = s.lastDecimal(PID);
    if (!isNaN(column[row])) return true;
    s.end = end;
  }
  return false;
}

/** How many arguments of a system call are read; of the others only the entry matters. */
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
  const { buf, end } = s;
  const n = wanted(kind);
  for (let i = 0; i < n; i++) {
    let { pos } = s;
    while (pos < end && buf[pos] !== COLON) pos++;
    s.pos = pos + 1;
    if (s.pos >= end || buf[s.pos] !== SPACE) return false;
    s.pos++;
    const value = s.hex();
    if (isNaN(value)) return false;
    chunk.a[i]![row] = value;
  }
  return n === 0 || kind === KIND.sys_enter_clone || s.atEnd;
}
