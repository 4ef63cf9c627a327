/**
 * Recorded tasks and their rows in the modelled kernel: which is which, and making those that were there before the
 * recording began.
 */
import { CAUSE } from "../../abi/ledger.js";
import { copy_process } from "../../linux-mm-model/fork.js";
import { do_execve, type Image, shift_arg_pages, STACK_TOP_MAX } from "../../linux-mm-model/exec.js";
import { do_exit } from "../../linux-mm-model/exit.js";
import { pte_alloc } from "../../linux-mm-model/pgtable.js";
import { NO_MM } from "../../linux-mm-model/mm-struct.js";
import { context_switch, go_idle, idle_task, mmdrop } from "../../linux-mm-model/sched.js";
import type { Machine } from "../../machine/machine.js";
import { in_kernel } from "./in-kernel.js";
import type { Notes } from "./notes.js";

/** What is known of an image that somebody exec's in a recording: a stack. All else is assumed where it faults. */
const UNKNOWN_IMAGE: Image = { vmas: [], stackTop: STACK_TOP_MAX, stackPages: 1, brk: 0 };

/** Stacks are randomised within 16 GiB of the top. */
const STACK_AREA = STACK_TOP_MAX - 2 ** 22;

export class TaskMap {
  private readonly rows = new Map<number, number>();
  /** Address spaces whose stack is still where execve builds it, and whether they began before the recording. */
  private readonly unplaced = new Map<number, boolean>();
  /** Address spaces of before the recording. */
  private readonly adopted = new Set<number>();
  /** Tasks whose execve has been seen to have changed the address space, before the recording says so. */
  private readonly changed = new Set<number>();

  constructor(
    private readonly machine: Machine,
    private readonly notes: Notes,
  ) {}

  /** Make `tid` the task that runs on `cpu`, if it is not, and give it an address space if it runs user code. */
  run(cpu: number, tid: number, tgid: number, user: boolean): number {
    const { linux } = this.machine;
    const row = this.row(cpu, tid, tgid);
    if (linux.percpu.current[cpu] !== row) {
      this.notes.add("switches that the recording does not show");
      this.unseen(cpu, row);
    }
    if (user && linux.tasks.mm[row] === NO_MM && linux.tasks.dead[row] === 0) this.adopt(cpu, row, tgid);
    return row;
  }

  /** Do two tasks run in one address space? */
  share(tid: number, other: number): boolean {
    const { mm } = this.machine.linux.tasks;
    const [a, b] = [this.rows.get(tid), this.rows.get(other)];
    return a !== undefined && b !== undefined && mm[a] !== NO_MM && mm[a] === mm[b];
  }

  /** As switch_to(), under a cause of its own: a recorder left it out, or it never was. */
  private unseen(cpu: number, row: number): void {
    const { ledger } = this.machine;
    const before = ledger.enter(cpu, CAUSE.unseen);
    ledger.hold(cpu, CAUSE.unseen);
    this.switch_to(cpu, row);
    ledger.release(cpu);
    ledger.enter(cpu, before);
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
      this.notes.add("tasks that ran on two CPUs at once, by the recording");
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
    if (this.rows.has(child)) this.notes.add("tasks created twice");
    const row = copy_process(linux, cpu, flags, child, thread ? linux.tasks.tgid[parent]! : child);
    if (row >= 0) this.rows.set(child, row);
  }

  /** The task on `cpu` has exec'd; `oldTid` is its number before, if it was not its group's leader. */
  exec(cpu: number, tid: number, oldTid: number): void {
    const { linux } = this.machine;
    const row = linux.percpu.current[cpu]!;
    if (!this.changed.delete(row)) this.execve(cpu, false);
    if (tid === oldTid) return;
    this.rows.delete(oldTid);
    this.rows.set(tid, row);
    linux.tasks.tid[row] = tid;
  }

  /**
   * The kernel writes to user memory within execve: arguments, and the end of .bss. That is the new address space, though the
   * recording's event of the exec comes at its very end.
   */
  exec_writes(cpu: number): void {
    const row = this.machine.linux.percpu.current[cpu]!;
    if (this.changed.has(row)) return;
    this.execve(cpu, false);
    this.changed.add(row);
  }

  /** `page` of `mm` is about to be touched: if it is the first of its stack, the stack is there, a page of arguments above. */
  place_stack(cpu: number, mm: number, page: number): void {
    if (page < STACK_AREA || page >= STACK_TOP_MAX - 1) return;
    const adopted = this.unplaced.get(mm);
    if (adopted === undefined) return;
    const { linux, ledger } = this.machine;
    const { vmas, mms } = linux;
    this.unplaced.delete(mm);
    in_kernel(this.machine, cpu, () => {
      if (!adopted) ledger.hold(cpu, CAUSE.exec);
      shift_arg_pages(linux, cpu, mm, vmas.find_vma(mms.vma_root[mm]!, STACK_TOP_MAX - 1), page + 2);
    });
  }

  private execve(cpu: number, adopted: boolean): void {
    const { linux } = this.machine;
    do_execve(linux, cpu, UNKNOWN_IMAGE);
    const mm = linux.tasks.mm[linux.percpu.current[cpu]!]!;
    this.unplaced.set(mm, adopted);
    if (adopted) this.adopted.add(mm);
    else this.adopted.delete(mm);
  }

  /** `page` of `mm` is in a mapping that nobody recorded: a process of before the recording had its tables already. */
  had_tables(cpu: number, mm: number, page: number): void {
    if (!this.adopted.has(mm)) return;
    in_kernel(this.machine, cpu, () => void pte_alloc(this.machine.linux, cpu, mm, page));
  }

  /** The task on `cpu` exits. */
  exit(cpu: number, tid: number): void {
    do_exit(this.machine.linux, cpu);
    this.rows.delete(tid);
  }

  /** An address space for a task that had one before the recording began: its process's, or a fresh one. */
  private adopt(cpu: number, row: number, tgid: number): void {
    const { linux } = this.machine;
    const { tasks, mms, percpu } = linux;
    this.notes.add("tasks that were there before the recording");
    in_kernel(this.machine, cpu, () => {
      const mm = tgid > 0 ? this.mm_of_group(tgid, row) : NO_MM;
      if (mm === NO_MM) return this.execve(cpu, true);
      const active = tasks.active_mm[row]!;
      mms.mm_users[mm]!++;
      tasks.mm[row] = mm;
      percpu.switches.add(cpu);
      tasks.active_mm[row] = mm;
      linux.pv.thread_create(cpu, mm, row);
      linux.pv.switch_mm(cpu, active, mm, row);
      mmdrop(linux, cpu, active);
    });
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
