/** One pass over the chunks of a recording: counts everything that its summary says. */
import { AddressSpaces } from "./address-spaces.js";
import {
  type EventChunk,
  isInterrupt,
  isSyscallEntry,
  isSyscallExit,
  KIND,
  KINDS,
  type Strings,
} from "./event.js";
import { type Counts, Switches } from "./switches.js";
import { type Task, TaskTable } from "./task-table.js";

/** Results from here up to -1 are -errno. Mirrors: MAX_ERRNO, include/linux/err.h. */
const MAX_ERRNO = 4095;

/** Everything that is counted on the way. */
export class SummaryCounter {
  readonly tasks = new TaskTable();
  readonly spaces = new AddressSpaces();
  readonly switches = new Switches();
  readonly cpus = new Set<number>();
  readonly byKind = new Float64Array(KINDS.length);
  /** Events of other kinds, by name (index into Strings). */
  readonly otherEvents = new Map<number, number>();
  readonly pageFaults: Counts = {};
  readonly syscalls: Counts = {};
  /** `sys_enter` by process, and by CPU. */
  readonly entered = new Map<number, number>();
  readonly enteredOnCpu = new Map<number, number>();
  readonly userFaultsOnCpu = new Map<number, number>();
  /** Interrupts by kind, CPU and the task that they came to. */
  readonly interrupts = new Map<number, Map<number, Map<number, number>>>();

  constructor(readonly strings: Strings) {}

  consume(chunk: EventChunk): void {
    for (let row = 0; row < chunk.n; row++) this.event(chunk, row);
  }

  private event(chunk: EventChunk, row: number): void {
    const kind = chunk.kind[row]!;
    const time = chunk.time[row]!;
    const task = this.tasks.apply(chunk, row, (from, to) => this.spaces.join(from, to, time));
    this.byKind[kind]!++;
    this.cpus.add(chunk.cpu[row]!);
    if (kind === KIND.sys_enter) this.syscallEntered(chunk, row, task);
    else if (kind === KIND.page_fault_user || kind === KIND.page_fault_kernel) this.fault(chunk, row, task);
    else if (isSyscallExit(kind)) this.syscallLeft(chunk, row, task);
    else if (isInterrupt(kind)) this.interrupt(chunk, row);
    else if (!isSyscallEntry(kind)) this.taskEvent(chunk, row, task);
  }

  private taskEvent(chunk: EventChunk, row: number, task: Task | undefined): void {
    const time = chunk.time[row]!;
    const [a0, a1] = chunk.a;
    switch (chunk.kind[row]) {
      case KIND.OTHER:
        increment(this.otherEvents, a0[row]!);
        break;
      case KIND.sched_switch: {
        const prev = this.tasks.get(a0[row]!)!;
        const next = this.tasks.get(a1[row]!)!;
        this.switches.add(chunk.cpu[row]!, prev, next, this.spaceOf(next));
        break;
      }
      case KIND.task_newtask: {
        const child = this.tasks.get(a0[row]!);
        if (task === undefined || child === undefined) break;
        this.spaces.newtask(this.tasks.processOf(task), this.tasks.processOf(child), a1[row]!, time);
        break;
      }
      case KIND.sched_process_exec: {
        const leader = this.tasks.get(a0[row]!);
        if (leader === undefined) break;
        this.switches.exec(
          chunk.cpu[row]!,
          leader.tid,
          this.spaces.exec(this.tasks.processOf(leader), time).id,
        );
        break;
      }
    }
  }

  /** Id of the space that a task is in, 0 if nothing has told yet. */
  private spaceOf(task: Task): number {
    return task.process === undefined ? 0 : (this.spaces.get(task.process)?.id ?? 0);
  }

  private syscallEntered(chunk: EventChunk, row: number, task: Task | undefined): void {
    increment(this.enteredOnCpu, chunk.cpu[row]!);
    if (task !== undefined) increment(this.entered, this.tasks.processOf(task).tgid);
  }

  private fault(chunk: EventChunk, row: number, task: Task | undefined): void {
    const address = chunk.a[0][row]!;
    const mode = chunk.kind[row] === KIND.page_fault_user ? "user" : "kernel";
    count(this.pageFaults, mode);
    if (address >= 0) count(this.pageFaults, `${mode}_at_user_address`);
    if (mode === "user") increment(this.userFaultsOnCpu, chunk.cpu[row]!);
    if (task === undefined || address < 0) return;
    this.spaces.fault(this.tasks.processOf(task), address, chunk.time[row]!);
  }

  private syscallLeft(chunk: EventChunk, row: number, task: Task | undefined): void {
    const kind = chunk.kind[row]!;
    const result = chunk.a[0][row]!;
    const failed = result < 0 && result >= -MAX_ERRNO;
    count(this.syscalls, `${KINDS[kind]!.slice("sys_exit_".length)}_${failed ? "failed" : "ok"}`);
    if (failed || task === undefined) return;
    if (kind !== KIND.sys_exit_mmap && kind !== KIND.sys_exit_mremap && kind !== KIND.sys_exit_brk) return;
    this.spaces.mapped(this.tasks.processOf(task), result, chunk.time[row]!);
  }

  private interrupt(chunk: EventChunk, row: number): void {
    const kind = chunk.kind[row]!;
    const cpu = chunk.cpu[row]!;
    let byCpu = this.interrupts.get(kind);
    if (byCpu === undefined) this.interrupts.set(kind, (byCpu = new Map<number, Map<number, number>>()));
    let byTid = byCpu.get(cpu);
    if (byTid === undefined) byCpu.set(cpu, (byTid = new Map<number, number>()));
    increment(byTid, chunk.tid[row]!);
  }
}

function increment(counts: Map<number, number>, key: number): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function count(counts: Counts, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
