/**
 * A pair of L4s for each thread: kernel mode and user mode, replicas of the reference in struct mm.
 *
 * The reference stays pinned, so all tables below it stay typed, and is never loaded. A populated slot reaches
 * a replica when its thread faults on it (sync "fault"), or at once ("eager"). A cleared slot is cleared in all replicas
 * in the batch that clears the reference: the L3 table becomes writable right after, and Xen refuses that while an
 * L4 refers to it. A thread's pair outlives exit_mm(), until the CPU runs on other tables.
 *
 * With `unlazy`, a CPU leaves user tables when it runs a task without an mm, for an L4 of its own.
 *
 * Mirrors: nothing upstream; hazards as of vmalloc_fault() of 32-bit (arch/x86/mm/fault.c) and
 *          free_pud_range() (mm/memory.c). For pairs per process of old see xen_pgd_alloc().
 * Differs: the pair of a process's first thread is made when its mm is pinned, and taken by the first task that
 *          runs on the mm; a temporary mm, on which no task runs, keeps it.
 */
import type { Rc } from "../../abi/errno.js";
import { BLOCKED, DONE, NEXT } from "../../abi/path.js";
import type { State } from "../../abi/state.js";
import type { LinuxConfig } from "../config.js";
import type { Linux } from "../linux.js";
import { INIT_MM } from "../mm-struct.js";
import { NO_TASK } from "../task-struct.js";
import { load_base_pointers } from "../xen/base-pointers.js";
import type { TopLevelDesign } from "./design.js";
import { fan_out, make_init_pgd, make_pair, is_pair_in_step, sync_loaded_pair } from "./pair.js";

/**
 * Shape: a row per task, then a row per mm for the pair that no task has taken yet:
 *   pair_pgd  Uint32Array  kernel-mode L4 of the pair, 0 for none; the user-mode L4 is its page->private
 *   pair_mm   Int32Array   mm of which it is a replica
 *   next      Int32Array   next pair of that mm, biased by one: 0 ends the list
 *   head      Int32Array   per mm: first of its pairs, biased by one
 *   used      Uint32Array  [0] pairs in use
 *   init_pgd  Uint32Array  per CPU: L4 of init_mm that the CPU starts on, and leaves user tables for
 */
export class PerThread implements TopLevelDesign {
  readonly loadsReference = false;
  readonly unlazy: boolean;
  private readonly eager: boolean;
  private readonly maxTasks: number;
  readonly pair_pgd: Uint32Array;
  readonly pair_mm: Int32Array;
  readonly next: Int32Array;
  readonly head: Int32Array;
  private readonly init_pgd: Uint32Array;
  readonly used: Uint32Array;

  constructor(state: State, config: LinuxConfig) {
    const rows = config.maxTasks + config.maxMms;
    this.unlazy = config.unlazy;
    this.eager = config.sync === "eager";
    this.maxTasks = config.maxTasks;
    this.pair_pgd = state.u32(rows);
    this.pair_mm = state.i32(rows);
    this.next = state.i32(rows);
    this.head = state.i32(config.maxMms);
    this.init_pgd = state.u32(config.nrCpus);
    this.used = state.u32(1);
  }

  hardware_pgd(k: Linux, cpu: number): number {
    return k.percpu.xen_cr3[cpu]!;
  }

  pairs(): number {
    return this.used[0]!;
  }

  /** Without `unlazy` all CPUs share swapper_pg_dir, as today; with it each has a copy of its own. */
  cpu_up(k: Linux, by: number, cpu: number): Rc {
    if (this.init_pgd[cpu] !== 0) return 0; // kept over an unplug
    this.init_pgd[cpu] = k.mms.pgd[INIT_MM]!;
    if (!this.unlazy || cpu === 0) return 0;
    const pgd = make_init_pgd(k, by);
    if (pgd < 0) return pgd;
    this.init_pgd[cpu] = pgd;
    return 0;
  }

  start_pgd(_k: Linux, cpu: number): number {
    return this.init_pgd[cpu]!;
  }

  cpu_down(): number {
    return 0;
  }

  replicas(k: Linux, visit: (pgd: number) => void): void {
    for (const pgd of this.pair_pgd) if (pgd !== 0) visit(pgd);
    for (const pgd of this.init_pgd) if (pgd !== 0 && pgd !== k.mms.pgd[INIT_MM]) visit(pgd);
  }

  pgd_of(_k: Linux, cpu: number, mm: number, task: number): number {
    if (mm === INIT_MM) return this.init_pgd[cpu]!;
    if (task !== NO_TASK && this.pair_mm[task] === mm && this.pair_pgd[task] !== 0)
      return this.pair_pgd[task]!;
    const fresh = this.pair_pgd[this.maxTasks + mm]!;
    if (fresh === 0)
      throw new RangeError(`PerThread: task ${task} has no pair for mm ${mm}; call thread_create() first`);
    return fresh;
  }

  belongs(k: Linux, mm: number, pgd: number): boolean {
    if (k.mms.pgd[mm] === pgd) return true;
    for (let row = this.head[mm]! - 1; row >= 0; row = this.next[row]! - 1) {
      if (this.pair_pgd[row] === pgd) return true;
    }
    return false;
  }

  load(k: Linux, cpu: number, _mm: number, pgd: number): void {
    load_base_pointers(k, cpu, pgd);
  }

  may_load(): boolean {
    return true;
  }

  issued(): void {}

  /** The task that first runs on a new mm takes its pair; exec gives up the old one. */
  loaded(k: Linux, cpu: number, task: number): number {
    if (task === NO_TASK) return 0;
    const mm = k.percpu.loaded_mm[cpu]!;
    const fresh = this.maxTasks + mm;
    if (mm === INIT_MM || this.pair_mm[task] === mm || this.pair_pgd[fresh] === 0) return 0;
    const pgd = this.pair_pgd[fresh]!;
    const old = this.pair_pgd[task]!;
    const oldMm = this.pair_mm[task]!;
    this.unlink(fresh);
    if (old !== 0) {
      this.unlink(task);
      this.link(k, fresh, oldMm, old); // until it is dropped, edits reach it
    }
    this.link(k, task, mm, pgd);
    return old;
  }

  propagate(k: Linux, cpu: number, mm: number, slot: number, frame: number, flags: number): void {
    for (let row = this.head[mm]! - 1; row >= 0; row = this.next[row]! - 1) {
      fan_out(k, cpu, this.pair_pgd[row]!, slot, frame, flags, this.eager);
    }
  }

  is_in_step(k: Linux, cpu: number, mm: number, vpn: number): boolean {
    return is_pair_in_step(k, cpu, mm, vpn);
  }

  sync_fault(k: Linux, cpu: number, task: number, vpn: number): boolean {
    return sync_loaded_pair(k, cpu, k.tasks.mm[task]!, vpn);
  }

  pinned(k: Linux, cpu: number, mm: number): Rc {
    return this.add_pair(k, cpu, mm, this.maxTasks + mm);
  }

  unpin(_k: Linux, _cpu: number, mm: number): number {
    return this.head[mm] === 0 ? 0 : this.pair_pgd[this.head[mm]! - 1]!;
  }

  thread_create(k: Linux, cpu: number, mm: number, task: number): Rc {
    return this.add_pair(k, cpu, mm, task);
  }

  thread_free(_k: Linux, task: number): number {
    return this.pair_pgd[task]!;
  }

  begin_drop(k: Linux, cpu: number, pgd: number): number {
    const row = this.pair_pgd.indexOf(pgd);
    if (row < 0) return DONE;
    return k.mms.lock_page_table(this.pair_mm[row]!, cpu) ? NEXT : BLOCKED;
  }

  end_drop(k: Linux, pgd: number): void {
    const row = this.pair_pgd.indexOf(pgd);
    k.mms.unlock_page_table(this.pair_mm[row]!);
    this.unlink(row);
  }

  private add_pair(k: Linux, cpu: number, mm: number, row: number): Rc {
    const pgd = make_pair(k, cpu, mm);
    if (pgd < 0) return pgd;
    this.link(k, row, mm, pgd);
    return 0;
  }

  private link(k: Linux, row: number, mm: number, pgd: number): void {
    this.pair_pgd[row] = pgd;
    this.pair_mm[row] = mm;
    this.next[row] = this.head[mm]!;
    this.head[mm] = row + 1;
    this.used[0]!++;
    if (row >= this.maxTasks) return;
    k.tasks.pgd[row] = pgd;
    k.tasks.user_pgd[row] = k.pages.private[pgd]!;
  }

  /** Make the lists anew from pair_pgd and pair_mm, in the order of rows. */
  relink(): void {
    this.head.fill(0);
    this.used[0] = 0;
    for (let row = this.pair_pgd.length - 1; row >= 0; row--) {
      if (this.pair_pgd[row] === 0) continue;
      this.next[row] = this.head[this.pair_mm[row]!]!;
      this.head[this.pair_mm[row]!] = row + 1;
      this.used[0]!++;
    }
  }

  private unlink(row: number): void {
    const mm = this.pair_mm[row]!;
    if (this.head[mm] === row + 1) this.head[mm] = this.next[row]!;
    else {
      let before = this.head[mm]! - 1;
      while (this.next[before] !== row + 1) before = this.next[before]! - 1;
      this.next[before] = this.next[row]!;
    }
    this.pair_pgd[row] = 0;
    this.used[0]!--;
  }
}
