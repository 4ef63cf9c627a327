/**
 * `strace -f -ttt` text: a call is one line, or two where another task's line came in between.
 *
 *     PID  SECONDS name(arguments) = result
 *     PID  SECONDS name(arguments <unfinished ...>
 *     PID  SECONDS <... name resumed>) = result
 *     PID  SECONDS +++ exited with 0 +++          and --- SIGCHLD {...} ---
 *
 * A call becomes the two events that perf records, sys_enter_NAME and sys_exit_NAME; a task that a call made becomes
 * task_newtask, a task's end sched_process_exit, an execve that succeeds sched_process_exec. Calls of other names
 * become one OTHER each.
 *
 * Differs: strace has no switches, no faults and no CPUs: all events are on CPU 0. A child's first lines can come
 *          before the line that says who made it.
 */
import { type EventChunk, KIND, type Strings } from "./event.js";
import {
  type Clock,
  LINE_DAMAGED,
  LINE_EVENT,
  LINE_OTHER,
  LINE_REST,
  PID_LIMIT,
  SECONDS_LIMIT,
} from "./line.js";
import { matches, Scanner, SPACE } from "./scan.js";
import { type Syscall, syscallOf, UNKNOWN } from "./strace-calls.js";
import { cloneFlags, straceArguments } from "./strace-arguments.js";

/** Most rows that one line adds. */
export const STRACE_ROWS = 4;

const text = (s: string): Buffer => Buffer.from(s, "latin1");

const PID_PREFIX = text("[pid");
const EXITED = text("+++ exited");
const KILLED = text("+++ killed");
const SUPERSEDED = text("+++ superseded");
const SIGNAL = text("--- ");
const RESUMED_HEAD = text("<... ");
const RESUMED = text(" resumed>");
const UNFINISHED = text("<unfinished ...>");
const RESULT = text("= ");
const CLONE_VM = 0x100;
const CLONE_VFORK = 0x4000;
const LONGEST_COMM = 15;
const OPEN = 0x28;
const CLOSE = 0x29;
const CLOSE_BRACKET = 0x5d;
const QUESTION = 0x3f;
const QUOTE = 0x22;
const SLASH = 0x2f;

const NEVER_BACK = "calls that never come back";

/** A system call that has been entered. */
interface Call {
  readonly syscall: Syscall;
  /** Name of an unknown one; index into Strings. */
  readonly name: number;
  /** Flags of a call that makes a task, as task_newtask prints them; -1 if it makes none. */
  readonly flags: number;
  /** Name that an execve gives. */
  readonly comm: number;
}

export class StraceParser {
  /** Time of the line that was parsed last. */
  time = 0;
  /** What the lines that are no calls say. */
  readonly other = { exited: 0, signal: 0 };
  private readonly unfinished = new Map<number, Call>();
  /** Name of each task: of the program it started, or of its maker. */
  private readonly comms = new Map<number, number>();
  private readonly s = new Scanner();
  private readonly noName: number;

  constructor(
    public chunk: EventChunk,
    private readonly strings: Strings,
    private readonly clock: Clock,
    private readonly damage: (what: string) => void,
  ) {
    this.noName = strings.add("");
  }

  /** Parse one line into at most STRACE_ROWS rows. */
  parse(buf: Buffer, start: number, end: number): number {
    const { s } = this;
    s.set(buf, start, end);
    s.skipSpaces();
    const bracket = s.literal(PID_PREFIX);
    if (bracket) s.skipSpaces();
    const tid = s.decimal();
    if (isNaN(tid) || (bracket && buf[s.pos++] !== CLOSE_BRACKET) || buf[s.pos] !== SPACE) return LINE_OTHER;
    s.skipSpaces();
    const seconds = s.timestamp();
    if (isNaN(seconds) || buf[s.pos] !== SPACE) return LINE_OTHER;
    if (tid <= 0 || tid >= PID_LIMIT || seconds < 0 || seconds > SECONDS_LIMIT) return LINE_DAMAGED;
    this.time = this.clock.time(seconds, s.fraction);
    s.skipSpaces();
    if (s.literal(EXITED) || s.literal(KILLED)) {
      this.other.exited++;
      this.chunk.a[0][this.row(KIND.sched_process_exit, tid)] = tid;
      this.unfinished.delete(tid);
      this.comms.delete(tid);
      return LINE_REST;
    }
    if (s.literal(SUPERSEDED)) return LINE_REST;
    if (s.literal(SIGNAL)) {
      this.other.signal++;
      return LINE_REST;
    }
    return s.literal(RESUMED_HEAD) ? this.resumed(tid) : this.call(tid);
  }

  /** At the end of the file: calls that have not come back. */
  finish(): void {
    for (const call of this.unfinished.values()) if (!endsTask(call)) this.damage(NEVER_BACK);
  }

  /** `name resumed>REST`. */
  private resumed(tid: number): number {
    const { s } = this;
    const start = s.pos;
    if (!s.behind(RESUMED)) return LINE_DAMAGED;
    const end = s.pos - RESUMED.length;
    const syscall = syscallOf(s.buf, start, end);
    const call = this.unfinished.get(tid) ?? this.ofSupersededThread(tid, syscall);
    if (call?.syscall !== syscall) return LINE_DAMAGED;
    if (syscall === UNKNOWN && call.name !== this.strings.intern(s.buf, start, end, ~(end - start)))
      return LINE_DAMAGED;
    this.unfinished.delete(tid);
    const result = this.result(resultBefore(this.s));
    if (result === undefined) return LINE_DAMAGED;
    this.exit(tid, call, result);
    return LINE_REST;
  }

  /** An execve by a thread that is not the leader comes back as the leader. */
  private ofSupersededThread(tid: number, syscall: Syscall): Call | undefined {
    if (syscall.enter !== KIND.sys_enter_execve && syscall.enter !== KIND.sys_enter_execveat)
      return undefined;
    for (const [thread, call] of this.unfinished) {
      if (call.syscall !== syscall || thread === tid) continue;
      this.unfinished.delete(thread);
      return call;
    }
    return undefined;
  }

  /** `name(arguments...`. */
  private call(tid: number): number {
    const { s } = this;
    const { buf, end } = s;
    const name = s.pos;
    let open = name;
    while (open < end && buf[open] !== OPEN) open++;
    if (open === end || open === name) return LINE_DAMAGED;
    s.pos = open + 1;
    const unfinished = end - UNFINISHED.length > open && matches(buf, end - UNFINISHED.length, UNFINISHED);
    const close = unfinished ? end - UNFINISHED.length : resultBefore(s);
    if (close < 0) return LINE_DAMAGED;
    const result = unfinished ? NaN : this.result(close);
    if (result === undefined) return LINE_DAMAGED;

    if (this.unfinished.size > 0 && this.unfinished.delete(tid)) this.damage(NEVER_BACK);
    const call = this.enter(tid, buf, name, open, close);
    if (unfinished) this.unfinished.set(tid, call);
    else this.exit(tid, call, result);
    return LINE_EVENT;
  }

  /** `name(`, and arguments up to `close`. */
  private enter(tid: number, buf: Buffer, name: number, open: number, close: number): Call {
    const { s } = this;
    const syscall = syscallOf(buf, name, open);
    const row = this.row(syscall.enter, tid);
    if (syscall === UNKNOWN) {
      const index = this.strings.intern(buf, name, open, ~(open - name));
      this.chunk.a[0][row] = index;
      this.chunk.a[1][row] = 1;
      return { syscall, name: index, flags: -1, comm: 0 };
    }
    s.set(buf, open + 1, close);
    straceArguments(s, syscall.enter, this.chunk.a, row);
    s.set(buf, open + 1, close);
    return { syscall, name: 0, flags: this.flags(syscall.enter), comm: this.execName(syscall.enter) };
  }

  /** Flags of the task that the call makes, whose arguments are at the scanner. */
  private flags(enter: number): number {
    switch (enter) {
      case KIND.sys_enter_clone:
      case KIND.sys_enter_clone3:
        return cloneFlags(this.s);
      case KIND.sys_enter_vfork:
        return CLONE_VM | CLONE_VFORK;
      case KIND.sys_enter_fork:
        return 0;
      default:
        return -1;
    }
  }

  /** Name of the program that an execve starts: `"/usr/bin/make", ...`, or `3, "make", ...`. */
  private execName(enter: number): number {
    if (enter !== KIND.sys_enter_execve && enter !== KIND.sys_enter_execveat) return 0;
    const { buf, pos, end } = this.s;
    let name = pos;
    while (name < end && buf[name] !== QUOTE) name++;
    name = Math.min(name + 1, end);
    let stop = name;
    for (; stop < end && buf[stop] !== QUOTE; stop++) if (buf[stop] === SLASH) name = stop + 1;
    return this.strings.intern(buf, name, Math.min(stop, name + LONGEST_COMM), -1);
  }

  /** The number behind the `) = ` at `close`, NaN for a question mark: the task ends, or a signal ended the call. */
  private result(close: number): number | undefined {
    const { s } = this;
    if (close < 0) return undefined;
    s.pos = close;
    s.behind(RESULT);
    if (s.buf[s.pos] === QUESTION) return NaN;
    const hex = s.hex();
    const value = isNaN(hex) ? s.decimal() : hex;
    return isNaN(value) ? undefined : value;
  }

  /** The rows of a call that has come back. */
  private exit(tid: number, { syscall, flags, comm }: Call, result: number): void {
    const { exit } = syscall;
    if (exit === KIND.OTHER || isNaN(result)) return;
    const { a } = this.chunk;
    if ((exit === KIND.sys_exit_execve || exit === KIND.sys_exit_execveat) && result === 0) {
      this.comms.set(tid, comm);
      const row = this.row(KIND.sched_process_exec, tid);
      a[0][row] = tid;
      a[1][row] = tid;
    }
    if (flags >= 0 && result > 0) {
      const row = this.row(KIND.task_newtask, tid);
      a[0][row] = result;
      a[1][row] = flags;
      const own = this.comms.get(tid);
      if (own !== undefined && !this.comms.has(result)) this.comms.set(result, own);
    }
    a[0][this.row(exit, tid)] = result;
  }

  /** Add a row; its arguments are left to fill in. */
  private row(kind: number, tid: number): number {
    const { chunk } = this;
    const i = chunk.n++;
    chunk.kind[i] = kind;
    chunk.cpu[i] = 0;
    chunk.tid[i] = tid;
    chunk.tgid[i] = -1;
    chunk.time[i] = this.time;
    chunk.comm[i] = this.comms.get(tid) ?? this.noName;
    return i;
  }
}

function endsTask({ syscall: { enter } }: Call): boolean {
  return enter === KIND.sys_enter_exit || enter === KIND.sys_enter_exit_group;
}

/** Index of the parenthesis in the last `) = `, or of the blank in `) = ` of a resumed call; -1 if there is none. */
function resultBefore(s: Scanner): number {
  for (let at = s.lastIndexOf(RESULT, s.end); at >= 0; at = s.lastIndexOf(RESULT, at)) {
    let close = at;
    while (close > s.pos && s.buf[close - 1] === SPACE) close--;
    if (close < at && close > s.pos && s.buf[close - 1] === CLOSE) return close - 1;
  }
  return -1;
}
