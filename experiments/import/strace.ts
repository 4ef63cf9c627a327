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
import { type EventChunk, KIND, type Kind, type Strings } from "./event.js";
import {
  type Clock,
  LINE_DAMAGED,
  LINE_EVENT,
  LINE_OTHER,
  LINE_REST,
  PID_LIMIT,
  SECONDS_LIMIT,
} from "./line.js";
import { Scanner, SPACE } from "./scan.js";
import { CLONE_FLAGS, straceArguments, symbols } from "./strace-arguments.js";

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
  readonly name: string;
  readonly enter: number;
  readonly exit: number;
  /** Flags of a call that makes a task. */
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
  private readonly values = new Float64Array(6);

  constructor(
    public chunk: EventChunk,
    private readonly strings: Strings,
    private readonly clock: Clock,
    private readonly damage: (what: string) => void,
  ) {}

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
      this.store(KIND.sched_process_exit, tid, tid);
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
    const name = s.pos;
    if (!s.behind(RESUMED)) return LINE_DAMAGED;
    const nameEnd = s.pos - RESUMED.length;
    const call =
      this.unfinished.get(tid) ?? this.ofSupersededThread(tid, s.buf.toString("latin1", name, nameEnd));
    if (call === undefined || call.name !== s.buf.toString("latin1", name, nameEnd)) return LINE_DAMAGED;
    this.unfinished.delete(tid);
    return this.result(tid, call) ? LINE_REST : LINE_DAMAGED;
  }

  /** An execve by a thread that is not the leader comes back as the leader. */
  private ofSupersededThread(tid: number, name: string): Call | undefined {
    if (name !== "execve") return undefined;
    for (const [thread, call] of this.unfinished) {
      if (call.name !== name || thread === tid) continue;
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
    while (s.pos < end && buf[s.pos] !== OPEN) s.pos++;
    if (s.pos === end || s.pos === name) return LINE_DAMAGED;
    const open = s.lastIndexOf(UNFINISHED, end) === end - UNFINISHED.length;
    const close = open ? end - UNFINISHED.length : resultBefore(s);
    if (close < 0) return LINE_DAMAGED;
    const before = this.unfinished.get(tid);
    if (before !== undefined) {
      this.unfinished.delete(tid);
      this.damage(NEVER_BACK);
    }
    const call = this.enter(tid, buf.toString("latin1", name, s.pos), buf, s.pos + 1, close);
    if (!open) {
      s.pos = close;
      return this.result(tid, call) ? LINE_EVENT : LINE_DAMAGED;
    }
    this.unfinished.set(tid, call);
    return LINE_EVENT;
  }

  private enter(tid: number, name: string, buf: Buffer, start: number, end: number): Call {
    const known = KIND[`sys_enter_${name}` as Kind] as number | undefined;
    const enter = known ?? KIND.OTHER;
    const exit = (KIND[`sys_exit_${name}` as Kind] as number | undefined) ?? KIND.OTHER;
    if (known === undefined) {
      this.store(KIND.OTHER, tid, this.strings.add(name));
      return { name, enter, exit, flags: 0, comm: 0 };
    }
    straceArguments(enter, buf, start, end, this.values);
    this.store(enter, tid, ...this.values);
    return {
      name,
      enter,
      exit,
      flags: madeBy(enter, buf, start, end),
      comm: this.execName(enter, buf, start, end),
    };
  }

  /** Name of the program that an execve starts: `execve("/usr/bin/make", ...`. */
  private execName(enter: number, buf: Buffer, start: number, end: number): number {
    if (enter !== KIND.sys_enter_execve || buf[start] !== QUOTE) return this.strings.add("");
    const quote = buf.indexOf(QUOTE, start + 1);
    const stop = quote < 0 || quote > end ? end : quote;
    let name = start + 1;
    for (let at = name; at < stop; at++) if (buf[at] === SLASH) name = at + 1;
    return this.strings.intern(buf, name, Math.min(stop, name + LONGEST_COMM), -1);
  }

  /** `) = result` is left to read: the rows that say so. */
  private result(tid: number, call: Call): boolean {
    const { s } = this;
    const close = resultBefore(s);
    if (close < 0) return false;
    s.pos = close;
    s.behind(RESULT);
    if (s.buf[s.pos] === QUESTION) return true; // exit, or a call that a signal ended
    const hex = s.hex();
    const value = isNaN(hex) ? s.decimal() : hex;
    if (isNaN(value)) return false;
    if (call.exit === KIND.OTHER) return true;
    if ((call.exit === KIND.sys_exit_execve || call.exit === KIND.sys_exit_execveat) && value === 0) {
      this.comms.set(tid, call.comm);
      this.store(KIND.sched_process_exec, tid, tid, tid);
    }
    if (call.flags >= 0 && value > 0) {
      this.store(KIND.task_newtask, tid, value, call.flags);
      const comm = this.comms.get(tid);
      if (comm !== undefined && !this.comms.has(value)) this.comms.set(value, comm);
    }
    this.store(call.exit, tid, value);
    return true;
  }

  /** Add a row. */
  private store(kind: number, tid: number, ...values: number[]): void {
    const { chunk } = this;
    const i = chunk.n++;
    chunk.kind[i] = kind;
    chunk.cpu[i] = 0;
    chunk.tid[i] = tid;
    chunk.tgid[i] = -1;
    chunk.time[i] = this.time;
    chunk.comm[i] = this.comms.get(tid) ?? this.strings.add("");
    for (let column = 0; column < values.length; column++) chunk.a[column]![i] = values[column]!;
  }
}

function endsTask({ enter }: Call): boolean {
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

/** Flags of a task that the call makes, as task_newtask prints them; -1 if it makes none. */
function madeBy(enter: number, buf: Buffer, start: number, end: number): number {
  switch (enter) {
    case KIND.sys_enter_clone:
    case KIND.sys_enter_clone3:
      return symbols(CLONE_FLAGS, "flags=", buf, start, end);
    case KIND.sys_enter_vfork:
      return CLONE_VM | CLONE_VFORK;
    case KIND.sys_enter_fork:
      return 0;
    default:
      return -1;
  }
}
