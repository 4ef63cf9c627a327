/**
 * The pv-ops of a 32-bit PV guest: those of 64 bits where it is about L1 tables, and its own above.
 *
 * A pgd is an L3 here. It is pinned as such, its L2 tables with it; the L2 of slot 3 is each mm's own, as Xen asks. One base
 * pointer is loaded for both modes, since ring 1 and ring 3 are told apart by segments. Threads and vCPUs share the L3.
 *
 * Mirrors: xen_set_pmd(), xen_pgd_walk(), __xen_pgd_pin(), xen_write_cr3(), arch/x86/xen/mmu_pv.c of Linux 5.8, CONFIG_X86_PAE.
 * Differs: a PTE is taken out in one store, not in two halves. Segments are those of 64 bits but for TLS, which every
 *          task has one descriptor of.
 */
import type { Rc } from "../../abi/errno.js";
import { EV } from "../../abi/events.js";
import { MMU_NORMAL_PT_UPDATE } from "../../abi/mmu-update.js";
import {
  add_mmuext_op,
  MMUEXT_NEW_BASEPTR,
  MMUEXT_PIN_L3_TABLE,
  MMUEXT_UNPIN_TABLE,
  push_mmuext_op,
} from "../../abi/mmuext-op.js";
import { push_vm_assist, VMASST_CMD_enable, VMASST_TYPE_writable_pagetables } from "../../abi/vm-assist.js";
import type { Linux } from "../linux.js";
import { INIT_MM, NO_MM } from "../mm-struct.js";
import { PARAVIRT_LAZY_CPU, PARAVIRT_LAZY_MMU } from "../percpu.js";
import { PG_pinned, PG_table } from "../struct-page.js";
import { xen_drop_mm_ref } from "../xen/cr3.js";
import { leave_lazy_cpu, xen_end_context_switch, xen_load_sp0, xen_load_tls } from "../xen/enlighten-pv.js";
import { XenMmuOps } from "../xen/mmu-pv.js";
import {
  CB_set_current_cr3,
  xen_extend_mmu_update,
  xen_extend_mmuext_op,
  xen_mc_batch,
  xen_mc_callback,
  xen_mc_issue,
} from "../xen/multicalls.js";
import { xen_pin_page, xen_unpin_page } from "../xen/pgd-pin.js";
import { direct_map } from "../xen/prot.js";
import { alloc_kernel_pgd, free_pgd_pair, xen_alloc_ptpage, xen_release_ptpage } from "../xen/ptpage.js";
import { KERNEL_SLOT, type PaeTables, PTRS_PER_PGD } from "./pae-tables.js";

export class PaeMmuOps extends XenMmuOps {
  constructor(
    k: Linux,
    private readonly pae: PaeTables,
  ) {
    super(k);
  }

  override set_pmd(cpu: number, mm: number, table: number, slot: number, frame: number, flags: number): void {
    const { k, pae } = this;
    k.ledger.count(cpu, EV.set_pmd, 1);
    k.memory.set(table, slot, frame, flags);
    if (mm === INIT_MM) return set_kernel_pmd(k, pae, cpu, frame, flags);
    const place = flags === 0 ? pae.leave(mm, table, slot) : pae.place(mm, table, slot);
    if (place >= 0) set_l2(k, pae, cpu, mm, Math.floor(place / 512), place % 512, frame, flags);
  }
  override set_pud(
    _cpu: number,
    _mm: number,
    table: number,
    slot: number,
    frame: number,
    flags: number,
  ): void {
    this.k.memory.set(table, slot, frame, flags);
  }
  override set_p4d(_cpu: number, mm: number, slot: number, frame: number, flags: number): void {
    this.k.memory.set(this.k.mms.pgd[mm]!, slot, frame, flags);
  }

  override alloc_table(cpu: number, mm: number, level: number, table: number): void {
    if (level === 1) xen_alloc_ptpage(this.k, cpu, mm, level, table);
    else this.k.pages.flags[table]! |= PG_table;
  }
  override release_table(cpu: number, _mm: number, level: number, table: number): void {
    if (level === 1) xen_release_ptpage(this.k, cpu, level, table);
    else this.k.pages.flags[table]! &= ~PG_table;
  }
  override pgd_alloc(_cpu: number, mm: number): void {
    const { k, pae } = this;
    k.mms.pgd[mm] = alloc_kernel_pgd(k);
    k.mms.pinned[mm] = 0;
    pae.alloc(k, mm);
  }
  override pgd_free(_cpu: number, mm: number): void {
    const { k, pae } = this;
    free_pgd_pair(k, k.mms.pgd[mm]!);
    k.mms.pgd[mm] = 0;
    pae.free(k, mm);
  }

  override dup_mmap(cpu: number, mm: number): Rc {
    return pin(this.k, this.pae, cpu, mm);
  }
  override activate_mm(cpu: number, _prev: number, next: number): Rc {
    return pin(this.k, this.pae, cpu, next);
  }
  override exit_mmap(cpu: number, mm: number): void {
    const { k, pae } = this;
    xen_drop_mm_ref(k, cpu, mm);
    if (k.mms.pinned[mm] !== 0) unpin(k, pae, cpu, mm);
  }
  override pgd_pin(cpu: number, mm: number): void {
    pin(this.k, this.pae, cpu, mm);
  }
  override pgd_unpin(cpu: number, mm: number): void {
    unpin(this.k, this.pae, cpu, mm);
  }
  override write_cr3(cpu: number, mm: number, pgd: number): void {
    const { k, pae } = this;
    xen_mc_batch(k, cpu);
    k.percpu.xen_cr3[cpu] = pgd;
    k.ledger.count(cpu, EV.write_cr3_kernel, 1);
    xen_extend_mmuext_op(k, cpu, MMUEXT_NEW_BASEPTR, pae.l3[mm]!);
    xen_mc_callback(k, cpu, CB_set_current_cr3, pgd);
    xen_mc_issue(k, cpu, PARAVIRT_LAZY_CPU);
  }
  override end_context_switch(cpu: number, next: number): void {
    const { k } = this;
    if (k.tasks.mm[next] !== NO_MM) k.tasks.tls[next] = 1;
    xen_load_tls(k, cpu, next);
    xen_end_context_switch(k, cpu);
  }
  override switch_to(cpu: number, _prev: number, next: number): void {
    const { k } = this;
    const { tasks, percpu } = k;
    leave_lazy_cpu(k, cpu, next);
    percpu.set_current(cpu, next);
    tasks.on_cpu[next] = cpu;
    tasks.last_cpu[next] = cpu;
    xen_load_sp0(k, cpu, next);
  }
  override switch_to_at_once(): boolean {
    return false;
  }
  override save_fsgs(): void {
    // segments are loaded by selector
  }
  override start_thread(): void {
    // as above
  }
  override thread_create(): number {
    return 0;
  }
  override thread_exit(): void {
    // as above
  }
}

/** An L2 entry: a store until the mm is pinned, a request then. */
function set_l2(
  k: Linux,
  pae: PaeTables,
  cpu: number,
  mm: number,
  l3slot: number,
  slot: number,
  frame: number,
  flags: number,
): void {
  const l2 = pae.l2[mm * PTRS_PER_PGD + l3slot]!;
  if (k.mms.pinned[mm] === 0) {
    k.hv.store(cpu, direct_map(l2), slot, frame, flags);
    return;
  }
  xen_mc_batch(k, cpu);
  xen_extend_mmu_update(k, cpu, MMU_NORMAL_PT_UPDATE, l2, slot, frame, flags);
  xen_mc_issue(k, cpu, PARAVIRT_LAZY_MMU);
}

/** One more L1 table of the kernel's: every mm has an L2 of its own for it. Mirrors: sync_global_pgds() of PAE. */
function set_kernel_pmd(k: Linux, pae: PaeTables, cpu: number, frame: number, flags: number): void {
  const place = pae.kernel_place();
  for (let mm = INIT_MM; mm < k.mms.max; mm++) {
    if (k.mms.used[mm] !== 0 && pae.l3[mm] !== 0) set_l2(k, pae, cpu, mm, KERNEL_SLOT, place, frame, flags);
  }
}

/** Make the tables of `mm` read-only, and pin its L3. Returns 0. */
function pin(k: Linux, pae: PaeTables, cpu: number, mm: number): 0 {
  k.ledger.count(cpu, EV.pgd_pin, 1);
  xen_mc_batch(k, cpu);
  for_each_table(k, pae, mm, (table, level) => xen_pin_page(k, cpu, table, level));
  xen_pin_page(k, cpu, pae.l3[mm]!, 4);
  xen_extend_mmuext_op(k, cpu, MMUEXT_PIN_L3_TABLE, pae.l3[mm]!);
  xen_mc_issue(k, cpu, 0);
  k.pages.flags[k.mms.pgd[mm]!]! |= PG_pinned; // what alloc_table() asks
  k.mms.pinned[mm] = 1;
  return 0;
}

function unpin(k: Linux, pae: PaeTables, cpu: number, mm: number): void {
  k.ledger.count(cpu, EV.pgd_unpin, 1);
  xen_mc_batch(k, cpu);
  xen_extend_mmuext_op(k, cpu, MMUEXT_UNPIN_TABLE, pae.l3[mm]!);
  for_each_table(k, pae, mm, (table, level) => xen_unpin_page(k, cpu, table, level));
  xen_unpin_page(k, cpu, pae.l3[mm]!, 4);
  xen_mc_issue(k, cpu, 0);
  k.pages.flags[k.mms.pgd[mm]!]! &= ~PG_pinned;
  k.mms.pinned[mm] = 0;
}

/** The L2 tables of `mm`, and the L1 tables of its user half. */
function for_each_table(
  k: Linux,
  pae: PaeTables,
  mm: number,
  visit: (table: number, level: number) => void,
): void {
  for (let l3slot = 0; l3slot < PTRS_PER_PGD; l3slot++) {
    const l2 = pae.l2[mm * PTRS_PER_PGD + l3slot]!;
    visit(l2, 2);
    for (let slot = 0; slot < 512 && l3slot !== KERNEL_SLOT; slot++)
      if (k.memory.flags(l2, slot) !== 0) visit(k.memory.frame(l2, slot), 1);
  }
}

/** init_mm's L3 stays typed while no vCPU has it loaded; and stores to L1 tables are to be emulated. */
export function pin_kernel_l3(k: Linux, pae: PaeTables): void {
  const { direct } = k.mc[0]!;
  direct.reset();
  push_mmuext_op(direct);
  add_mmuext_op(direct, MMUEXT_PIN_L3_TABLE, pae.l3[INIT_MM]!);
  k.hv.hypercall(0, direct, 0);
  direct.reset();
  push_vm_assist(direct, VMASST_CMD_enable, VMASST_TYPE_writable_pagetables);
  k.hv.hypercall(0, direct, 0);
}
