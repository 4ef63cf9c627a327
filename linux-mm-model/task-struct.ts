/**
 * struct task_struct, as far as memory management sees it: one row per task.
 *
 * Mirrors: include/linux/sched.h; tasks 0..nrCpus-1 are the idle tasks, one a CPU (init_task and its copies).
 */
import type { State } from "../abi/state.js";
import { NO_MM } from "./mm-struct.js";

export const NO_TASK = -1;

/**
 * Shape: maxTasks rows.
 *   used       Uint8Array   1 while the row is a task
 *   tid, tgid  Int32Array   as the recording or script names them
 *   mm         Int32Array   user address space; NO_MM for a kernel thread, and after exit_mm()
 *   active_mm  Int32Array   what is loaded while it runs
 *   on_cpu     Int32Array   CPU it runs on, -1 when it does not
 *   last_cpu   Int32Array   CPU it ran on last
 *   dead       Uint8Array   has exited, still to be switched away from (finish_task_switch())
 *   vfork      Uint8Array   CLONE_VFORK child that has not exec'd or exited
 *   tls        Uint8Array   has TLS descriptors of its own in the GDT
 *   lazy_mmu   Uint8Array   TIF_LAZY_MMU_UPDATES: was switched away from in lazy MMU mode
 *   stack      Int32Array   kernel stack: area of vmalloc, NO_AREA for idle tasks
 *   files      Int32Array   row of FdTables, -1 for none
 *   pgd, user_pgd  Uint32Array  the task's own pair of top-level tables, 0 if the design has none
 */
export class TaskTable {
  readonly used: Uint8Array;
  readonly tid: Int32Array;
  readonly tgid: Int32Array;
  readonly mm: Int32Array;
  readonly active_mm: Int32Array;
  readonly on_cpu: Int32Array;
  readonly last_cpu: Int32Array;
  readonly dead: Uint8Array;
  readonly vfork: Uint8Array;
  readonly tls: Uint8Array;
  readonly lazy_mmu: Uint8Array;
  readonly stack: Int32Array;
  readonly files: Int32Array;
  readonly pgd: Uint32Array;
  readonly user_pgd: Uint32Array;
  readonly hint: Uint32Array;

  constructor(
    state: State,
    readonly max: number,
  ) {
    this.used = state.u8(max);
    this.tid = state.i32(max);
    this.tgid = state.i32(max);
    this.mm = state.i32(max);
    this.active_mm = state.i32(max);
    this.on_cpu = state.i32(max);
    this.last_cpu = state.i32(max);
    this.dead = state.u8(max);
    this.vfork = state.u8(max);
    this.tls = state.u8(max);
    this.lazy_mmu = state.u8(max);
    this.stack = state.i32(max);
    this.files = state.i32(max);
    this.pgd = state.u32(max);
    this.user_pgd = state.u32(max);
    this.hint = state.u32(1);
  }

  /** A fresh row without an mm. Mirrors: dup_task_struct(). */
  alloc(tid: number, tgid: number): number {
    let task = this.hint[0]!;
    while (task < this.max && this.used[task] !== 0) task++;
    if (task >= this.max) throw new RangeError(`TaskTable: ${this.max} tasks are in use; raise maxTasks`);
    this.hint[0] = task + 1;
    this.used[task] = 1;
    this.tid[task] = tid;
    this.tgid[task] = tgid;
    this.mm[task] = NO_MM;
    this.active_mm[task] = NO_MM;
    this.on_cpu[task] = -1;
    this.last_cpu[task] = 0;
    this.dead[task] = 0;
    this.vfork[task] = 0;
    this.tls[task] = 0;
    this.lazy_mmu[task] = 0;
    this.stack[task] = -1;
    this.files[task] = -1;
    this.pgd[task] = 0;
    this.user_pgd[task] = 0;
    return task;
  }

  /** Give the row back. Mirrors: put_task_struct(). */
  free(task: number): void {
    this.used[task] = 0;
    if (task < this.hint[0]!) this.hint[0] = task;
  }
}
