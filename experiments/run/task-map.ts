/**
 * Recorded tasks and their rows in the modelled kernel: which is which, and making those that were there before the
 * recording began.
 */
import { CAUSE } from "../../abi/ledger.js";
import { copy_process } from "../../linux-mm-model/fork.js";
import { do_execve, type Image } from "../../linux-mm-model/exec.js";
import { do_exit } from "../../linux-mm-model/exit.js";
import { NO_MM } from "../../linux-mm-model/mm-struct.js";
import { context_switch, go_idle, idle_task, mmdrop } from "../../linux-mm-model/sched.js";
import type { Machine } from "../../machine/machine.js";

/** What is known of an image that somebody exec's in a recording: a stack. All else is assumed where it faults. */
const UNKNOWN_IMAGE: Image = { vmas: [], stackTop: 2 ** 35 - 1, stackPages: 33, brk: 0 };

export class TaskMap {
  private readonly rows = new Map<number, number>();

  constructor(
    private readonly machine: Machine,
    private readonly note: (what: string) => void,
  ) {}

  /** Make `tid` the task that runs on `cpu`, if it is not, and give it an address space if it runs user code. */
  run(cpu: number, tid: number, tgid: number, user: boolean): number {
    const { linux } = this.machine;
    const row = this.row(cpu, tid, tgid);
    if (linux.percpu.current[cpu] !== row) {
      this.note("switches that the recording does not show");
      this.switch_to(cpu, row);
    }
    if (user && linux.tasks.mm[row] === NO_MM && linux.tasks.dead[row] === 0) this.adopt(cpu, row, tgid);
    return row;
  }

  /** Row of `tid`; 0 is the CPU's idle task. A task seen for the first time has no address space yet. */
  row(cpu: number, tid: number, tgid: number): number {
    if (tid <= 0) return idle_task(cpu);
    let row = this.rows.get(tid);
    if (row === undefined) {
      row = this.machine.linux.tasks.alloc(tid, tgid > 0 ? tgid : tid);
      this.rows.set(tid, row);
    }
    return row;
  }

  /** The scheduler gives `cpu` to `row`. */
  switch_to(cpu: number, row: number): void {
    const { machine } = this;
    const { linux, ledger } = machine;
    const elsewhere = linux.tasks.on_cpu[row]!;
    if (elsewhere >= 0 && elsewhere !== cpu && row >= linux.config.nrCpus) {
      this.note("tasks that ran on two CPUs at once, by the recording");
      this.switch_to(elsewhere, idle_task(elsewhere));
    }
    const before = ledger.enter(cpu, row < linux.config.nrCpus ? CAUSE.idle : CAUSE.switch);
    machine.enter_scheduler(cpu);
    if (row === idle_task(cpu)) go_idle(linux, cpu);
    else if (linux.percpu.current[cpu] !== row) context_switch(linux, cpu, row);
    ledger.enter(cpu, before);
  }

  /** clone() by the task on `cpu`. */
  newtask(cpu: number, child: number, flags: number, thread: boolean): void {
    const { linux } = this.machine;
    const parent = linux.percpu.current[cpu]!;
    if (this.rows.has(child)) this.note("tasks created twice");
    const row = copy_process(linux, cpu, flags, child, thread ? linux.tasks.tgid[parent]! : child);
    if (row >= 0) this.rows.set(child, row);
  }

  /** The task on `cpu` has exec'd; `oldTid` is its number before, if it was not its group's leader. */
  exec(cpu: number, tid: number, oldTid: number): void {
    const { linux } = this.machine;
    do_execve(linux, cpu, UNKNOWN_IMAGE);
    if (tid === oldTid) return;
    const row = linux.percpu.current[cpu]!;
    this.rows.delete(oldTid);
    this.rows.set(tid, row);
    linux.tasks.tid[row] = tid;
  }

  /** The task on `cpu` exits. */
  exit(cpu: number, tid: number): void {
    do_exit(this.machine.linux, cpu);
    this.rows.delete(tid);
  }

  /** An address space for a task that had one before the recording began: its process's, or a fresh one. */
  private adopt(cpu: number, row: number, tgid: number): void {
    const { linux, ledger } = this.machine;
    const { tasks, mms } = linux;
    this.note("tasks that were there before the recording");
    ledger.hold(cpu, CAUSE.boot);
    const mm = tgid > 0 ? this.mm_of_group(tgid, row) : NO_MM;
    if (mm === NO_MM) do_execve(linux, cpu, UNKNOWN_IMAGE);
    else {
      const active = tasks.active_mm[row]!;
      mms.mm_users[mm]!++;
      tasks.mm[row] = mm;
      tasks.active_mm[row] = mm;
      linux.pv.thread_create(cpu, mm, row);
      linux.pv.switch_mm(cpu, active, mm, row);
      mmdrop(linux, cpu, active);
    }
    ledger.release(cpu);
  }

  private mm_of_group(tgid: number, except: number): number {
    const { tasks } = this.machine.linux;
    for (const row of this.rows.values()) {
      if (row !== except && tasks.tgid[row] === tgid && tasks.mm[row] !== NO_MM && tasks.vfork[row] === 0)
        return tasks.mm[row]!;
    }
    return NO_MM;
  }
}
