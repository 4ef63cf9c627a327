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
 *          runs on the mm. A kernel thread with an mm (kthread_use_mm()) is not modelled.
 */
import { EV } from "../../abi/events.js";
import { MMU_NORMAL_PT_UPDATE } from "../../abi/mmu-update.js";
import { pt_slot } from "../../abi/page.js";
import type { State } from "../../abi/state.js";
import type { LinuxConfig } from "../config.js";
import type { Linux } from "../linux.js";
import { INIT_MM, NO_MM } from "../mm-struct.js";
import { NO_TASK } from "../task-struct.js";
import { leave_mm } from "../tlb.js";
import { smp_call_function } from "../xen/cr3.js";
import { xen_extend_mmu_update, xen_mc_batch, xen_mc_flush } from "../xen/multicalls.js";
import { pin_replica, unpin_replica } from "../xen/pgd-pin.js";
import { alloc_kernel_pgd, alloc_user_pgd, free_pgd_pair } from "../xen/ptpage.js";
import type { TopLevelDesign } from "./design.js";

/** End of the list of an mm's replicas. */
const END = -1;

/**
 * Shape: a row per task, then a row per mm for the pair that no task has taken yet:
 *   pair_pgd  Uint32Array  kernel-mode L4 of the pair, 0 for none; the user-mode L4 is its page->private
 *   pair_mm   Int32Array   mm of which it is a replica
 *   next      Int32Array   next pair of that mm
 *   head      Int32Array   per mm: first of its pairs
 *   used      Uint32Array  [0] pairs in use
 *   init_pgd  Uint32Array  per CPU: L4 of init_mm that the CPU starts on, and leaves user tables for
 */
export class PerThread implements TopLevelDesign {
  readonly loadsReference = false;
  readonly unlazy: boolean;
  private readonly eager: boolean;
  private readonly maxTasks: number;
  private readonly pair_pgd: Uint32Array;
  private readonly pair_mm: Int32Array;
  private readonly next: Int32Array;
  private readonly head: Int32Array;
  private readonly init_pgd: Uint32Array;
  private readonly used: Uint32Array;

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

  pairs(): number {
    return this.used[0]!;
  }

  /** Without `unlazy` all CPUs share swapper_pg_dir, as today; with it each has a copy of its own. */
  boot(k: Linux): void {
    this.head.fill(END);
    for (let cpu = 0; cpu < k.config.nrCpus; cpu++) {
      let pgd = k.mms.pgd[INIT_MM]!;
      if (this.unlazy && cpu > 0) {
        pgd = alloc_kernel_pgd(k);
        pin_replica(k, 0, pgd);
      }
      this.init_pgd[cpu] = pgd;
    }
  }

  pgd_of(_k: Linux, cpu: number, mm: number, task: number): number {
    if (mm === INIT_MM || task === NO_TASK) return this.init_pgd[cpu]!;
    if (this.pair_mm[task] === mm && this.pair_pgd[task] !== 0) return this.pair_pgd[task]!;
    const fresh = this.pair_pgd[this.maxTasks + mm]!;
    if (fresh === 0)
      throw new RangeError(`PerThread: task ${task} has no pair for mm ${mm}; call thread_create() first`);
    return fresh;
  }

  belongs(k: Linux, mm: number, pgd: number): boolean {
    if (k.mms.pgd[mm] === pgd) return true;
    for (let row = this.head[mm]!; row !== END; row = this.next[row]!)
      if (this.pair_pgd[row] === pgd) return true;
    return false;
  }

  /** The task that first runs on a new mm takes its pair; exec gives up the old one. */
  loaded(k: Linux, cpu: number, task: number): void {
    if (task === NO_TASK) return;
    const mm = k.percpu.loaded_mm[cpu]!;
    const fresh = this.maxTasks + mm;
    if (mm === INIT_MM || this.pair_mm[task] === mm || this.pair_pgd[fresh] === 0) return;
    this.free_pair(k, cpu, task);
    const pgd = this.pair_pgd[fresh]!;
    this.unlink(fresh);
    this.link(k, task, mm, pgd);
  }

  propagate(k: Linux, cpu: number, mm: number, slot: number, frame: number, flags: number): void {
    const clear = flags === 0;
    if (mm === INIT_MM || (!clear && !this.eager)) return;
    for (let row = this.head[mm]!; row !== END; row = this.next[row]!) {
      const pgd = this.pair_pgd[row]!;
      if (clear && k.memory.flags(pgd, slot) === 0) continue; // never synchronised
      k.ledger.count(cpu, clear ? EV.top_fanout_clear : EV.top_fanout_set, 1);
      this.set_slot(k, cpu, pgd, slot, frame, flags);
    }
  }

  /**
   * Copy the slot of `vpn` if only the replica lacks it. The write is issued at once, also inside
   * lazy MMU mode: the access is retried as soon as the handler returns.
   */
  sync_fault(k: Linux, cpu: number, task: number, vpn: number): boolean {
    const mm = k.tasks.mm[task]!;
    const slot = pt_slot(vpn as never, 4);
    if (mm === NO_MM || slot >= k.config.ptes / 2) return false;
    const pgd = k.percpu.xen_cr3[cpu]!;
    const reference = k.mms.pgd[mm]!;
    const flags = k.memory.flags(reference, slot);
    if (flags === 0 || k.memory.flags(pgd, slot) !== 0) return false;
    k.ledger.count(cpu, EV.top_sync_fault, 1);
    k.ledger.count(cpu, EV.top_slots_synced, 1);
    xen_mc_batch(k, cpu);
    this.set_slot(k, cpu, pgd, slot, k.memory.frame(reference, slot), flags);
    xen_mc_flush(k, cpu);
    return true;
  }

  pinned(k: Linux, cpu: number, mm: number): void {
    this.link(k, this.maxTasks + mm, mm, this.make_pair(k, cpu, mm));
  }

  unpin(k: Linux, cpu: number, mm: number): void {
    while (this.head[mm] !== END) this.free_pair(k, cpu, this.head[mm]!);
  }

  thread_create(k: Linux, cpu: number, mm: number, task: number): number {
    this.link(k, task, mm, this.make_pair(k, cpu, mm));
    return 0;
  }

  thread_free(k: Linux, cpu: number, task: number): void {
    this.free_pair(k, cpu, task);
  }

  /** A pinned pair with the user slots that the reference has now. */
  private make_pair(k: Linux, cpu: number, mm: number): number {
    const { memory } = k;
    const pgd = alloc_kernel_pgd(k);
    const user_pgd = alloc_user_pgd(k, pgd);
    const from = memory.at(k.mms.pgd[mm]!, 0);
    const to = from + k.config.ptes; // half of the entries, two words each
    memory.words.copyWithin(memory.at(pgd, 0), from, to);
    memory.words.copyWithin(memory.at(user_pgd, 0), from, to);
    pin_replica(k, cpu, pgd);
    k.ledger.count(cpu, EV.top_pair_alloc, 1);
    return pgd;
  }

  /** Free the pair of `row`, after every CPU that still has it loaded has left it. */
  private free_pair(k: Linux, cpu: number, row: number): void {
    const pgd = this.pair_pgd[row]!;
    if (pgd === 0) return;
    for (let other = 0; other < k.config.nrCpus; other++) {
      if (k.percpu.online[other] === 0 || k.percpu.xen_current_cr3[other] !== pgd) continue;
      if (other === cpu) this.leave_pair(k, cpu, pgd);
      else smp_call_function(k, cpu, other, (there) => this.leave_pair(k, there, pgd));
    }
    this.unlink(row);
    unpin_replica(k, cpu, pgd);
    free_pgd_pair(k, pgd);
    k.ledger.count(cpu, EV.top_pair_free, 1);
  }

  private leave_pair(k: Linux, cpu: number, pgd: number): void {
    if (k.percpu.xen_cr3[cpu] === pgd) {
      k.ledger.count(cpu, EV.top_unlazy, 1);
      leave_mm(k, cpu);
    }
    if (k.percpu.xen_current_cr3[cpu] === pgd) xen_mc_flush(k, cpu);
  }

  private set_slot(k: Linux, cpu: number, pgd: number, slot: number, frame: number, flags: number): void {
    xen_extend_mmu_update(k, cpu, MMU_NORMAL_PT_UPDATE, pgd, slot, frame, flags);
    xen_extend_mmu_update(k, cpu, MMU_NORMAL_PT_UPDATE, k.pages.private[pgd]!, slot, frame, flags);
  }

  private link(k: Linux, row: number, mm: number, pgd: number): void {
    this.pair_pgd[row] = pgd;
    this.pair_mm[row] = mm;
    this.next[row] = this.head[mm]!;
    this.head[mm] = row;
    this.used[0]!++;
    if (row >= this.maxTasks) return;
    k.tasks.pgd[row] = pgd;
    k.tasks.user_pgd[row] = k.pages.private[pgd]!;
  }

  private unlink(row: number): void {
    const mm = this.pair_mm[row]!;
    if (this.head[mm] === row) this.head[mm] = this.next[row]!;
    else {
      let before = this.head[mm]!;
      while (this.next[before] !== row) before = this.next[before]!;
      this.next[before] = this.next[row]!;
    }
    this.pair_pgd[row] = 0;
    this.used[0]!--;
  }
}
