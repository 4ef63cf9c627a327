/**
 * Context switches by what they change: the task only, the process, the address space.
 *
 * Which tasks are user tasks is known at the end only, since a task is switched to before it runs. So switches are
 * counted by pair of tasks, and the sequence of address spaces on each CPU is kept: 12 bytes for each switch.
 */
import type { Process, Task } from "./task-table.js";

export type Counts = Record<string, number>;

export interface SwitchTotals {
  readonly switches: Counts;
  readonly mm: Counts;
  readonly perCpu: Record<string, Counts>;
}

const FIRST_ROWS = 4096;
/** With a CPU's number: the row is of no switch, but of an exec. */
const EXEC = 1 << 20;

/** Shape: `n` rows, one for each switch to a task: cpu, tid of the next task, its space (id; 0: not known yet). */
export class Switches {
  private n = 0;
  private rows = new Int32Array(FIRST_ROWS * 3);
  /** By CPU: how often for each (previous, next). */
  private readonly pairs = new Map<number, Map<Task, Map<Task, number>>>();

  add(cpu: number, prev: Task, next: Task, nextSpace: number): void {
    let ofCpu = this.pairs.get(cpu);
    if (ofCpu === undefined) this.pairs.set(cpu, (ofCpu = new Map<Task, Map<Task, number>>()));
    let ofPrev = ofCpu.get(prev);
    if (ofPrev === undefined) ofCpu.set(prev, (ofPrev = new Map<Task, number>()));
    ofPrev.set(next, (ofPrev.get(next) ?? 0) + 1);
    if (next.tid !== 0) this.keep(cpu, next.tid, nextSpace);
  }

  /** The task on `cpu` called exec, and is now in a new space. */
  exec(cpu: number, tid: number, space: number): void {
    this.keep(cpu | EXEC, tid, space);
  }

  private keep(cpu: number, tid: number, space: number): void {
    if (this.n * 3 === this.rows.length) {
      const rows = new Int32Array(this.rows.length * 2);
      rows.set(this.rows);
      this.rows = rows;
    }
    this.rows[this.n * 3] = cpu;
    this.rows[this.n * 3 + 1] = tid;
    this.rows[this.n * 3 + 2] = space;
    this.n++;
  }

  /** `isUser`: did the task run user code? `firstSpace`: of a task whose space was not known yet. */
  total(isUser: (tid: number) => boolean, firstSpace: (tid: number) => number): SwitchTotals {
    const switches: Counts = {};
    const mm: Counts = {};
    const perCpu: Record<string, Counts> = {};
    const of = (cpu: number): Counts => (perCpu[String(cpu)] ??= {});
    for (const [cpu, ofCpu] of this.pairs) {
      for (const [prev, ofPrev] of ofCpu) {
        for (const [next, n] of ofPrev) {
          const what = classify(prev, next, isUser);
          add(switches, "total", n);
          add(switches, what, n);
          add(of(cpu), what, n);
        }
      }
    }
    const last = new Map<number, number>();
    for (let i = 0; i < this.n; i++) {
      const tid = this.rows[i * 3 + 1]!;
      if (!isUser(tid)) continue;
      const cpu = this.rows[i * 3]! & ~EXEC;
      const exec = this.rows[i * 3]! !== cpu;
      const space = this.rows[i * 3 + 2]! || firstSpace(tid);
      const before = last.get(cpu);
      if (exec && before === undefined) continue;
      last.set(cpu, space);
      if (exec) continue;
      const what = before === undefined ? "first" : before === space ? "same" : "change";
      add(mm, what, 1);
      add(of(cpu), `mm_${what}`, 1);
    }
    return { switches, mm, perCpu };
  }
}

function classify(prev: Task, next: Task, isUser: (tid: number) => boolean): string {
  const fromUser = isUser(prev.tid);
  const toUser = isUser(next.tid);
  if (fromUser && toUser) return same(prev.process, next.process) ? "same_process" : "different_process";
  if (prev.tid === 0) return "from_idle";
  if (next.tid === 0) return "to_idle";
  return "kernel_or_other";
}

function same(a: Process | undefined, b: Process | undefined): boolean {
  return a !== undefined && a.tgid === b?.tgid;
}

function add(counts: Counts, name: string, n: number): void {
  counts[name] = (counts[name] ?? 0) + n;
}
