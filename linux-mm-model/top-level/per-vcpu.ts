/**
 * One pair of L4s for each vCPU, for good; its user half is rewritten when another mm is loaded.
 *
 * The reference in struct mm stays pinned, so that all tables below it stay typed, and is never loaded. Generic code
 * goes on comparing CR3 with mm->pgd: xen_cr3 and xen_current_cr3 hold this logical value, while Xen's base
 * pointers never change after the first load. Loading an mm publishes it as what the pair mirrors, then copies the
 * slots that differ; setting a slot writes the reference, then the pairs of all vCPUs that mirror it. Both queue their writes,
 * and issue them later: a load at the end of the context switch (lazy CPU mode). So that no update is lost in between, and none
 * reaches a pair that mirrors another mm by then, a load holds the page_table_locks of the mm that it leaves and of the one that
 * it loads (in the order of their addresses) until its writes are issued, as who edits a slot does. A vCPU that is lazily parked on
 * an mm still mirrors it, and goes on receiving its updates.
 *
 * Mirrors: nothing upstream. cpu_load_pmap() and xen_kpm_sync() of NetBSD/amd64 on Xen (sys/arch/xen/x86/) do
 *          the same with the kernel-mode L4; PAX_PER_CPU_PGD did it on hardware.
 * Differs: interrupts stay off from the first to the last write of a load, so that no access sees two mms mixed
 *          (I-22): the simulator lets nobody in between. The series (patches-notes/linux-per-vcpu) has a lock for
 *          each pair instead of the mms' locks, and takes all of these in turn once an entry of the reference is
 *          written; test/patches-notes/copy-versus-fan-out.ts is a model of that.
 */
import { ENOMEM, type Rc } from "../../abi/errno.js";
import { NEXT } from "../../abi/path.js";
import { EV } from "../../abi/events.js";
import { MMUEXT_TLB_FLUSH_LOCAL } from "../../abi/mmuext-op.js";
import { _PAGE_PRESENT } from "../../abi/page.js";
import type { PtMemory } from "../../abi/memory.js";
import type { State } from "../../abi/state.js";
import type { LinuxConfig } from "../config.js";
import type { Linux } from "../linux.js";
import { INIT_MM } from "../mm-struct.js";
import { load_base_pointers } from "../xen/base-pointers.js";
import { xen_extend_mmuext_op } from "../xen/multicalls.js";
import { pin_replica } from "../xen/pgd-pin.js";
import { alloc_kernel_pgd, alloc_user_pgd } from "../xen/ptpage.js";
import type { TopLevelDesign } from "./design.js";
import { fan_out, set_pair_slot } from "./pair.js";

/**
 * Shape: nrCpus rows.
 *   pair_pgd  Uint32Array  kernel-mode L4 of the vCPU's pair, 0 while it is down
 *   mirrored  Int32Array   mm whose user half the pair has, or is being given
 *   left      Int32Array   mm whose user half it had before
 *   based     Uint8Array   the pair is in Xen's base pointers
 */
export class PerVcpu implements TopLevelDesign {
  readonly loadsReference = false;
  readonly unlazy = false;
  readonly pair_pgd: Uint32Array;
  readonly mirrored: Int32Array;
  readonly left: Int32Array;
  readonly based: Uint8Array;

  constructor(state: State, config: LinuxConfig) {
    this.pair_pgd = state.u32(config.nrCpus);
    this.mirrored = state.i32(config.nrCpus);
    this.left = state.i32(config.nrCpus);
    this.based = state.u8(config.nrCpus);
  }

  hardware_pgd(k: Linux, cpu: number): number {
    return cpu === 0 && this.based[0] === 0 ? k.mms.pgd[INIT_MM]! : this.pair_pgd[cpu]!;
  }

  pairs(): number {
    return this.pair_pgd.reduce((n, pgd) => n + (pgd !== 0 ? 1 : 0), 0);
  }

  replicas(_k: Linux, visit: (pgd: number) => void): void {
    for (const pgd of this.pair_pgd) if (pgd !== 0) visit(pgd);
  }

  /** CPU 0 boots on swapper_pg_dir, and takes its pair at its first load; the others start on theirs. */
  cpu_up(k: Linux, by: number, cpu: number): Rc {
    if (this.pair_pgd[cpu] !== 0) return 0; // kept over an unplug, without user slots
    if (!k.pages.can_alloc_tables(2)) return -ENOMEM;
    const pgd = alloc_kernel_pgd(k);
    alloc_user_pgd(k, pgd);
    pin_replica(k, by, pgd);
    k.ledger.count(by, EV.top_pair_alloc, 1);
    this.pair_pgd[cpu] = pgd;
    this.mirrored[cpu] = INIT_MM;
    this.based[cpu] = 0;
    return 0;
  }

  start_pgd(_k: Linux, cpu: number): number {
    return this.pair_pgd[cpu]!;
  }

  cpu_down(): number {
    return 0;
  }

  /** The logical CR3: the reference. */
  pgd_of(k: Linux, _cpu: number, mm: number): number {
    return k.mms.pgd[mm]!;
  }

  belongs(k: Linux, mm: number, pgd: number): boolean {
    return k.mms.pgd[mm] === pgd;
  }

  load(k: Linux, cpu: number, mm: number): void {
    k.regs.load_mm[cpu] = mm;
    this.left[cpu] = this.mirrored[cpu]!;
    k.mms.lock_page_table(mm, cpu);
    k.mms.lock_page_table(this.left[cpu]!, cpu);
    this.mirrored[cpu] = mm;
    copy_user_slots(k, cpu, k.mms.pgd[mm]!, this.pair_pgd[cpu]!);
    if (this.based[cpu] !== 0) xen_extend_mmuext_op(k, cpu, MMUEXT_TLB_FLUSH_LOCAL, 0);
    else load_base_pointers(k, cpu, this.pair_pgd[cpu]!);
    this.based[cpu] = 1;
  }

  may_load(k: Linux, cpu: number, mm: number): boolean {
    const { page_table_lock } = k.mms;
    return page_table_lock[mm] === 0 && page_table_lock[this.mirrored[cpu]!] === 0;
  }

  loaded(): number {
    return 0;
  }

  issued(k: Linux, cpu: number): void {
    k.mms.unlock_page_table(this.mirrored[cpu]!);
    k.mms.unlock_page_table(this.left[cpu]!);
  }

  propagate(k: Linux, cpu: number, mm: number, slot: number, frame: number, flags: number): void {
    for (let other = 0; other < this.pair_pgd.length; other++) {
      if (this.pair_pgd[other] === 0 || this.mirrored[other] !== mm) continue;
      fan_out(k, cpu, this.pair_pgd[other]!, slot, frame, flags, true);
    }
  }

  is_in_step(k: Linux, _cpu: number, mm: number): boolean {
    return k.mms.page_table_lock[mm] === 0;
  }

  sync_fault(): boolean {
    return false;
  }

  pinned(): Rc {
    return 0;
  }

  unpin(): number {
    return 0;
  }

  thread_create(): Rc {
    return 0;
  }

  begin_drop(): number {
    return NEXT;
  }

  end_drop(): void {}

  thread_free(): number {
    return 0;
  }
}

/** Queue what makes the user half of a vCPU's pair that of `reference`. A slot that no mm has had is not looked at: it is empty in both. */
function copy_user_slots(k: Linux, cpu: number, reference: number, pgd: number): void {
  const { memory } = k;
  const { user_slots } = k.mms;
  let copied = 0;
  for (let word = 0; word < user_slots.length; word++) {
    for (let rest = user_slots[word]!; rest !== 0; rest &= rest - 1) {
      const slot = 32 * word + 31 - Math.clz32(rest & -rest);
      if (!is_other(memory, reference, pgd, slot)) continue;
      set_pair_slot(k, cpu, pgd, slot, memory.frame(reference, slot), memory.flags(reference, slot));
      copied++;
    }
  }
  k.ledger.count(cpu, EV.top_slots_compared, k.config.ptes / 2);
  k.ledger.count(cpu, EV.top_slots_synced, copied);
}

/** Do two L4s have another table in `slot`? An entry is its table: other flags differ where hardware set A (I-2). */
export function is_other(memory: PtMemory, a: number, b: number, slot: number): boolean {
  const { words } = memory;
  const from = memory.at(a, slot);
  const to = memory.at(b, slot);
  return words[from] !== words[to] || ((words[from + 1]! ^ words[to + 1]!) & _PAGE_PRESENT) !== 0;
}
