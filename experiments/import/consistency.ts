/**
 * Do the events of a recording fit together? Lines that are well formed can be missing, doubled or out of order.
 *
 * - What a task enters it leaves before it enters the next; a return has its entry. Exceptions: execve by a thread
 *   returns in the leader; a child returns from the clone of its parent; a task that was there before the recording may
 *   be within a call.
 * - After its exec, or from its fork on, each further thread of a process is made by a task_newtask.
 * - Time does not run backward; where it does, the lines may be a copy of earlier ones.
 */
import { type EventChunk, isSyscallEntry, isSyscallExit, KIND, KINDS } from "./event.js";
import type { Findings } from "./findings.js";
import { PID_LIMIT } from "./line.js";

const CLONE_THREAD = 0x10000;

/** What is known of a task. */
const CREATED = 1; // by an event of the recording
const WHOLE = 2; // a process of which the recording has all threads: it was forked, or called exec
const IN_STEP = 4; // its system calls have been seen
const REPORTED = 8;

/** The entry that belongs to a return. */
const ENTRY_OF: readonly number[] = KINDS.map((name, kind) =>
  isSyscallExit(kind) ? KINDS.indexOf(name.replace("_exit_", "_enter_") as (typeof KINDS)[number]) : 0,
);

/** Shape: one row for each possible tid: what is known (`task`), and the call that it is in (`call`: KIND, or 0). */
export class Consistency {
  timestampsGoingBack = 0;
  private readonly task = new Uint8Array(PID_LIMIT);
  private readonly call = new Uint8Array(PID_LIMIT);
  private lastTime = -Infinity;
  /** Row of the chunk that the next line equals, while lines are repeated. */
  private copy = -1;

  constructor(private readonly findings: Findings) {}

  /** Look at row `row`, the newest of `chunk`. */
  check(chunk: EventChunk, row: number): void {
    const time = chunk.time[row]!;
    if (time < this.lastTime) {
      this.timestampsGoingBack++;
      this.findings.damage("timestamps go back");
      this.copy = earlierCopy(chunk, row);
    }
    this.lastTime = time;
    if (this.copy >= 0) {
      this.copy = equalRows(chunk, this.copy, row) ? this.copy + 1 : -1;
      if (this.copy >= 0) this.findings.damage("lines are repeated");
    }
    this.checkCalls(chunk, row);
    this.checkThread(chunk, row);
  }

  /** Earlier rows are gone. */
  chunkBegins(): void {
    this.copy = -1;
  }

  private checkCalls(chunk: EventChunk, row: number): void {
    const kind = chunk.kind[row]!;
    const tid = chunk.tid[row]!;
    if (tid <= 0) return;
    const { call, task } = this;
    if (isSyscallEntry(kind)) {
      if (call[tid] !== 0) this.findings.damage("system calls return, but no line says so");
      call[tid] = kind === KIND.sys_enter_exit || kind === KIND.sys_enter_exit_group ? 0 : kind;
      task[tid]! |= IN_STEP;
    } else if (isSyscallExit(kind)) {
      const entered = call[tid] === ENTRY_OF[kind];
      if (!entered && (task[tid]! & IN_STEP) !== 0 && !inOtherTask(kind, chunk.a[0][row]!)) {
        this.findings.damage("system calls return that were not entered");
      }
      call[tid] = 0;
      task[tid]! |= IN_STEP;
    }
  }

  private checkThread(chunk: EventChunk, row: number): void {
    const { task } = this;
    const tid = chunk.tid[row]!;
    const tgid = chunk.tgid[row]!;
    switch (chunk.kind[row]) {
      case KIND.task_newtask: {
        const child = chunk.a[0][row]!;
        if (child <= 0 || child >= PID_LIMIT) return;
        this.call[child] = 0;
        task[child] = CREATED | ((chunk.a[1][row]! & CLONE_THREAD) === 0 ? WHOLE : 0);
        return;
      }
      case KIND.sched_process_exec:
        if (tid > 0) task[tid]! |= WHOLE;
        return;
      default:
        if (tgid <= 0 || tid <= 0 || tid === tgid || (task[tgid]! & WHOLE) === 0) return;
        if ((task[tid]! & (CREATED | REPORTED)) !== 0) return;
        task[tid]! |= REPORTED;
        this.findings.damage("threads appear that no task_newtask made");
    }
  }
}

/** May the entry be another task's? */
function inOtherTask(kind: number, result: number): boolean {
  switch (kind) {
    case KIND.sys_exit_clone:
    case KIND.sys_exit_clone3:
    case KIND.sys_exit_fork:
    case KIND.sys_exit_vfork:
    case KIND.sys_exit_execve:
    case KIND.sys_exit_execveat:
      return result === 0;
    default:
      return false;
  }
}

/** An earlier row that equals `row`, or -1. */
function earlierCopy(chunk: EventChunk, row: number): number {
  for (let i = row - 1; i >= 0 && i >= row - 1024; i--) if (equalRows(chunk, i, row)) return i;
  return -1;
}

function equalRows(chunk: EventChunk, i: number, j: number): boolean {
  const { kind, time, tid, cpu } = chunk;
  return i < j && kind[i] === kind[j] && time[i] === time[j] && tid[i] === tid[j] && cpu[i] === cpu[j];
}
