/**
 * Who is who: tasks, the process (thread group) of each, and which of them are alive, as a recording goes on.
 *
 * perf says a task's group in each line. trace-cmd and strace do not: there a task that task_newtask makes with
 * CLONE_THREAD is in its maker's group, without it it leads a group of its own; and a task that is in the
 * recording before anything made it is assumed to lead one.
 *
 * Mirrors: copy_process(), kernel/fork.c (task_newtask); de_thread(), fs/exec.c (sched_process_exec).
 * Differs: a group's other threads vanish at exec without an event each; so do they here.
 */
import { type EventChunk, isSyscallEntry, isSyscallExit, KIND } from "./event.js";

export const CLONE_VM = 0x100;
export const CLONE_THREAD = 0x10000;

/** A thread group. */
export class Process {
  /** Nothing in the recording tells the group: it was assumed. */
  assumed = false;
  /** Threads alive now, and the most at one time. */
  alive = 0;
  aliveMax = 0;
  /** Tids of its user tasks, those gone too. */
  readonly userTasks = new Set<number>();
  /** Name of the leader, the last it had; index into Strings, -1 if unknown. */
  comm = -1;

  constructor(readonly tgid: number) {}
}

export class Task {
  /** It was made, or ran user code, and has not ended. */
  alive = false;
  /** It ran user code: a system call or a fault from user mode. */
  user = false;
  /** A task_newtask of the recording made it. */
  created = false;
  process: Process | undefined;
  /** When it was first switched to, or first ran user code; NaN before. */
  firstSeen = NaN;

  constructor(readonly tid: number) {}
}

/** Does the event show that its task runs user code: a system call, or a fault from user mode? */
export function isUserEvent(chunk: EventChunk, row: number): boolean {
  const kind = chunk.kind[row]!;
  if (kind === KIND.OTHER) return chunk.a[1][row] === 1;
  return (
    kind === KIND.page_fault_user || kind === KIND.sys_enter || isSyscallEntry(kind) || isSyscallExit(kind)
  );
}

export class TaskTable {
  /** By tid; a tid that is used again has the newest task. */
  private readonly tasks = new Map<number, Task>();
  private readonly processes = new Map<number, Process>();
  /** Tids of tasks that ran user code. */
  readonly userTids = new Set<number>();

  /**
   * Take in one event. Returns its task, or undefined where the recorder had lost it.
   *
   * `onJoin` is called where a process that was assumed turns out to be a thread of another: strace can show a
   * thread's first calls before the line that says who made it.
   */
  apply(chunk: EventChunk, row: number, onJoin?: (from: Process, to: Process) => void): Task | undefined {
    const kind = chunk.kind[row]!;
    const tid = chunk.tid[row]!;
    const { a } = chunk;
    const task = tid > 0 ? this.named(tid) : undefined;
    if (task !== undefined) {
      const tgid = chunk.tgid[row]!;
      if (tgid > 0 && task.process?.tgid !== tgid) this.join(task, this.process(tgid));
      if (isUserEvent(chunk, row)) this.runsUserCode(task, chunk.time[row]!);
      if (task.process?.tgid === tid) task.process.comm = chunk.comm[row]!;
    }
    switch (kind) {
      case KIND.sched_switch:
        this.named(a[0][row]!);
        this.switchedTo(this.named(a[1][row]!), chunk.time[row]!);
        break;
      case KIND.task_newtask:
        if (task !== undefined) this.newtask(task, a[0][row]!, a[1][row]!, onJoin);
        break;
      case KIND.sched_process_exec:
        this.exec(a[0][row]!, a[1][row]!);
        break;
      case KIND.sched_process_exit:
        this.exit(this.named(a[0][row]!));
        break;
      case KIND.sched_process_fork:
        this.named(a[0][row]!);
        this.named(a[1][row]!);
        break;
      case KIND.sched_migrate_task:
      case KIND.task_rename:
        this.named(a[0][row]!);
        break;
    }
    return task;
  }

  get(tid: number): Task | undefined {
    return this.tasks.get(tid);
  }

  /** Group of a task; the task itself is assumed to lead one if nothing tells. */
  processOf(task: Task): Process {
    if (task.process !== undefined) return task.process;
    const process = this.process(task.tid);
    process.assumed = true;
    this.join(task, process);
    return process;
  }

  /** Every tid above 0 that was named anywhere. */
  get count(): number {
    return this.tasks.size - (this.tasks.has(0) ? 1 : 0);
  }

  all(): IterableIterator<Task> {
    return this.tasks.values();
  }

  /** Groups of user tasks, by tgid. */
  userProcesses(): Process[] {
    return [...this.processes.values()].filter((p) => p.userTasks.size > 0).sort((p, q) => p.tgid - q.tgid);
  }

  private named(tid: number): Task {
    let task = this.tasks.get(tid);
    if (task === undefined) {
      task = new Task(tid);
      this.tasks.set(tid, task);
    }
    return task;
  }

  private process(tgid: number): Process {
    let process = this.processes.get(tgid);
    if (process === undefined) {
      process = new Process(tgid);
      this.processes.set(tgid, process);
    }
    return process;
  }

  private switchedTo(task: Task, time: number): void {
    if (Number.isNaN(task.firstSeen)) task.firstSeen = time;
  }

  private runsUserCode(task: Task, time: number): void {
    this.switchedTo(task, time);
    if (task.user) return;
    task.user = true;
    this.userTids.add(task.tid);
    this.processOf(task).userTasks.add(task.tid);
    this.lives(task);
  }

  /** `task` is, and has been, one of `process`. */
  private join(task: Task, process: Process): void {
    if (task.alive && task.process !== undefined) task.process.alive--;
    task.process?.userTasks.delete(task.tid);
    task.process = process;
    if (task.user) process.userTasks.add(task.tid);
    if (task.alive) this.oneMore(process);
  }

  private lives(task: Task): void {
    if (task.alive) return;
    task.alive = true;
    this.oneMore(this.processOf(task));
  }

  private oneMore(process: Process): void {
    process.alive++;
    if (process.alive > process.aliveMax) process.aliveMax = process.alive;
  }

  private newtask(
    maker: Task,
    tid: number,
    flags: number,
    onJoin?: (from: Process, to: Process) => void,
  ): void {
    const known = this.tasks.get(tid);
    if (known?.alive === true && known.created) return; // the line is there twice
    const maker_ = this.processOf(maker);
    if (known?.alive === true || (known?.user === true && known.process?.assumed === true)) {
      this.lateNewtask(known, maker_, flags, onJoin);
      return;
    }
    const task = new Task(tid);
    task.created = true;
    task.alive = true;
    this.tasks.set(tid, task);
    if ((flags & CLONE_THREAD) !== 0) {
      this.join(task, maker_);
      return;
    }
    const process = new Process(tid);
    process.comm = maker_.comm;
    const before = this.processes.get(tid);
    if (before !== undefined) for (const user of before.userTasks) process.userTasks.add(user);
    this.processes.set(tid, process);
    this.join(task, process);
  }

  /** The task has run before the line that says who made it. */
  private lateNewtask(
    task: Task,
    maker: Process,
    flags: number,
    onJoin?: (from: Process, to: Process) => void,
  ): void {
    const own = task.process!;
    task.created = true;
    own.assumed = false;
    if ((flags & CLONE_THREAD) === 0 || own === maker) {
      if (own.comm < 0) own.comm = maker.comm;
      return;
    }
    const { alive } = task;
    this.join(task, maker);
    if (!alive) this.exit(task);
    if (own.userTasks.size === 0) this.processes.delete(own.tgid);
    onJoin?.(own, maker);
  }

  private exit(task: Task): void {
    if (!task.alive) return;
    task.alive = false;
    if (task.process !== undefined) task.process.alive--;
  }

  /** Only the task that called it remains, as the leader. */
  private exec(tid: number, oldTid: number): void {
    const leader = this.named(tid);
    const process = this.processOf(leader);
    const caller = this.tasks.get(oldTid);
    if (caller !== undefined && caller !== leader) caller.alive = false;
    if (process.alive > 1)
      for (const task of this.tasks.values()) if (task.process === process) task.alive = false;
    leader.alive = true;
    process.alive = 0;
    this.oneMore(process);
  }
}
