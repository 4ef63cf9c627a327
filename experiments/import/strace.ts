/**
 * `strace -f -ttt` text: a call is one line, or two where another task's line came in between.
 *
 *     PID  SECONDS name(arguments) = result
 *     PID  SECONDS name(arguments <unfinished ...>
 *     PID  SECONDS <... name resumed>) = result
 *     PID  SECONDS +++ exited with 0 +++          and --- SIGCHLD {...} ---
 *
 * A call becomes the two events that perf records: sys_enter_NAME and sys_exit_NAME; a task's creation
 * becomes task_newtask, its end sched_process_exit, an execve that succeeds sched_process_exec.
 *
 * Differs: strace has no switches, no faults and no CPUs: all events are on CPU 0.
 */
import { KIND, KINDS, type EventChunk, type Strings } from "./event.js";
import { LINE_DAMAGED, LINE_EVENT, LINE_OTHER } from "./line-parsers.js";

/** A line that belongs to an event, and is none of its own. */
export const LINE_REST = 4;
/** Most rows that one line adds. */
export const STRACE_ROWS = 4;

const PROT: Record<string, number> = { PROT_NONE: 0, PROT_READ: 1, PROT_WRITE: 2, PROT_EXEC: 4 };
const MAP: Record<string, number> = {
  MAP_SHARED: 0x01,
  MAP_PRIVATE: 0x02,
  MAP_FIXED: 0x10,
  MAP_ANONYMOUS: 0x20,
  MAP_GROWSDOWN: 0x100,
  MAP_DENYWRITE: 0x800,
  MAP_LOCKED: 0x2000,
  MAP_NORESERVE: 0x4000,
  MAP_POPULATE: 0x8000,
  MAP_STACK: 0x20000,
  MAP_FIXED_NOREPLACE: 0x100000,
};
const MADV: Record<string, number> = {
  MADV_NORMAL: 0,
  MADV_WILLNEED: 3,
  MADV_DONTNEED: 4,
  MADV_FREE: 8,
  MADV_DONTFORK: 10,
  MADV_HUGEPAGE: 14,
  MADV_NOHUGEPAGE: 15,
};
const CLONE: Record<string, number> = {
  CLONE_VM: 0x100,
  CLONE_VFORK: 0x4000,
  CLONE_THREAD: 0x10000,
};
const MREMAP: Record<string, number> = { MREMAP_MAYMOVE: 1, MREMAP_FIXED: 2 };

interface Call {
  readonly name: string;
  readonly args: string;
}

export class StraceParser {
  private readonly unfinished = new Map<number, Call>();
  /** What the lines that are no calls say. */
  readonly other = { exited: 0, signal: 0 };

  constructor(
    public chunk: EventChunk,
    private readonly strings: Strings,
  ) {}

  /** Parse one line into at most STRACE_ROWS rows. */
  parse(buf: Buffer, start: number, end: number): number {
    const line = buf.toString("utf8", start, end);
    const head = /^\s*(?:\[pid\s+)?(\d+)\]?\s+(\d+)\.(\d+)\s+/.exec(line);
    if (head === null) return LINE_OTHER;
    const tid = Number(head[1]);
    const time = Number(head[2]) * 1e9 + Number(head[3]!.padEnd(9, "0").slice(0, 9));
    if (tid > 4194304 || time > 4e18) return LINE_DAMAGED;
    const rest = line.slice(head[0].length);
    if (/^\+\+\+ (exited|killed)/.test(rest)) {
      this.other.exited++;
      this.row(KIND.sched_process_exit, tid, time)[0] = tid;
      return LINE_REST;
    }
    if (rest.startsWith("+++ superseded")) return LINE_REST;
    if (rest.startsWith("---")) {
      this.other.signal++;
      return LINE_REST;
    }
    const resumed = /^<\.\.\. (\w+) resumed>(.*)$/s.exec(rest);
    if (resumed !== null) {
      const call = this.unfinished.get(tid);
      this.unfinished.delete(tid);
      if (call === undefined || call.name !== resumed[1]) return LINE_DAMAGED;
      return this.exit(tid, time, call, resumed[2]!) ? LINE_REST : LINE_DAMAGED;
    }
    return this.call(tid, time, rest);
  }

  /** At the end of the file: calls that never came back. */
  finish(warn: (what: string) => void): void {
    for (const call of this.unfinished.values()) {
      if (call.name !== "exit" && call.name !== "exit_group") warn("calls that never come back");
    }
  }

  private call(tid: number, time: number, rest: string): number {
    const match = /^(\w+)\((.*)$/s.exec(rest);
    if (match === null) return LINE_DAMAGED;
    const name = match[1]!;
    const open = match[2]!.endsWith("<unfinished ...>");
    const end = open ? -1 : /\)\s*= [^=]*$/.exec(match[2]!)?.index ?? -2;
    if (end === -2) return LINE_DAMAGED;
    const args = open ? match[2]!.slice(0, -"<unfinished ...>".length) : match[2]!.slice(0, end);
    const call = { name, args };
    this.enter(tid, time, call);
    if (open) {
      this.unfinished.set(tid, call);
      return LINE_EVENT;
    }
    return this.exit(tid, time, call, match[2]!.slice(end)) ? LINE_EVENT : LINE_DAMAGED;
  }

  private enter(tid: number, time: number, call: Call): void {
    const kind = KINDS.indexOf(`sys_enter_${call.name}` as (typeof KINDS)[number]);
    if (kind < 0) return;
    const values = this.row(kind, tid, time);
    argumentsOf(kind, call.args).forEach((value, i) => (values[i] = value));
    this.store(values);
  }

  /** `) = result` */
  private exit(tid: number, time: number, call: Call, tail: string): boolean {
    const match = /\)\s*= (\?|-?\d+|0x[0-9a-f]+)/.exec(tail);
    if (match === null) return false;
    if (match[1] === "?") return true;
    const result = Number(match[1]);
    const kind = KINDS.indexOf(`sys_exit_${call.name}` as (typeof KINDS)[number]);
    if (kind < 0) return true;
    if (kind === KIND.sys_exit_execve && result === 0) {
      const values = this.row(KIND.sched_process_exec, tid, time);
      values[0] = tid;
      values[1] = tid;
      this.store(values, /^"([^"]*)"/.exec(call.args)?.[1]);
    }
    if (/^(clone3?|v?fork)$/.test(call.name) && result > 0) {
      const values = this.row(KIND.task_newtask, tid, time);
      values[0] = result;
      values[1] = call.name === "vfork" ? CLONE.CLONE_VM! | CLONE.CLONE_VFORK! : flags(/flags=([A-Z_0-9|]+)/.exec(call.args)?.[1] ?? "", CLONE);
      this.store(values);
    }
    const values = this.row(kind, tid, time);
    values[0] = result;
    this.store(values);
    return true;
  }

  private readonly values = new Float64Array(6);

  /** Begin a row; its arguments go to the array that is returned, and into the chunk with store(). */
  private row(kind: number, tid: number, time: number): Float64Array {
    const { chunk } = this;
    const i = chunk.n++;
    chunk.kind[i] = kind;
    chunk.cpu[i] = 0;
    chunk.tid[i] = tid;
    chunk.tgid[i] = -1;
    chunk.time[i] = time;
    chunk.comm[i] = this.strings.add("");
    if (kind === KIND.sched_process_exit) chunk.a[0][i] = tid;
    return this.values.fill(0);
  }

  private store(values: Float64Array, path?: string): void {
    const i = this.chunk.n - 1;
    values.forEach((value, column) => (this.chunk.a[column]![i] = value));
    if (path !== undefined) this.chunk.comm[i] = this.strings.add(path.slice(path.lastIndexOf("/") + 1, path.lastIndexOf("/") + 16));
  }
}

/** Arguments as perf would record them. */
function argumentsOf(kind: number, args: string): number[] {
  const parts = args.split(", ");
  const at = (i: number): number => (parts[i] === undefined || parts[i] === "NULL" ? 0 : Number(parts[i]) || 0);
  switch (kind) {
    case KIND.sys_enter_mmap:
      return [at(0), at(1), flags(parts[2] ?? "", PROT), flags(parts[3] ?? "", MAP), at(4), at(5)];
    case KIND.sys_enter_mprotect:
      return [at(0), at(1), flags(parts[2] ?? "", PROT)];
    case KIND.sys_enter_madvise:
      return [at(0), at(1), flags(parts[2] ?? "", MADV)];
    case KIND.sys_enter_mremap:
      return [at(0), at(1), at(2), flags(parts[3] ?? "", MREMAP), at(4)];
    case KIND.sys_enter_munmap:
      return [at(0), at(1)];
    case KIND.sys_enter_brk:
      return [at(0)];
    default:
      return [];
  }
}

function flags(text: string, names: Record<string, number>): number {
  return text.split("|").reduce((sum, name) => sum | (names[name] ?? (Number(name) || 0)), 0);
}
