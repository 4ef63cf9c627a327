/**
 * The pv-ops of a kernel that runs on the processor's own pagetables: a PVH guest under EPT, or bare metal.
 *
 * Tables are ordinary memory, an entry is a store, CR3 is written by MOV, and one page is flushed by INVLPG. Only an
 * interrupt for another CPU is a call to Xen: the guest's kernel uses event channels for it, as xen_hvm_smp_init() has
 * it.
 *
 * Mirrors: native_set_pte() to native_set_p4d(), arch/x86/include/asm/pgtable_64.h; native_flush_tlb_multi(),
 *          arch/x86/mm/tlb.c; xen_hvm_smp_init(), arch/x86/xen/smp_hvm.c.
 * Differs: no PCID and no page-table isolation in the guest, so a load flushes, and the kernel has the one L4 of the
 *          mm. A lazy CPU is not interrupted for a flush, though 6.1 does where tables are freed.
 */
import { cpumask_test_cpu } from "../../abi/cpumask.js";
import type { Rc } from "../../abi/errno.js";
import { EV } from "../../abi/events.js";
import type { Vpn } from "../../abi/frames.js";
import type { EntryRun } from "../../abi/mmu-update.js";
import { _PAGE_RW } from "../../abi/page.js";
import type { Linux } from "../linux.js";
import { INIT_MM } from "../mm-struct.js";
import type { PvMmuOps } from "../pv-ops.js";
import { PG_table } from "../struct-page.js";
import { enter_lazy_tlb, flush_tlb_func, flush_tlb_mm_range, switch_mm_irqs_off } from "../tlb.js";
import { smp_call_function } from "../xen/cr3.js";
import { xen_smp_send_reschedule } from "../xen/evtchn.js";
import { alloc_kernel_pgd, free_pgd_pair } from "../xen/ptpage.js";

const ALLOC = [0, EV.alloc_pte_unpinned, EV.alloc_pmd_unpinned, EV.alloc_pud_unpinned];
const RELEASE = [0, EV.release_pte_unpinned, EV.release_pmd_unpinned, EV.release_pud_unpinned];

export class NativeMmuOps implements PvMmuOps {
  constructor(private readonly k: Linux) {}

  set_pte(cpu: number, mm: number, table: number, slot: number, frame: number, flags: number): void {
    const { ledger, memory } = this.k;
    ledger.count(cpu, mm === INIT_MM ? EV.set_pte_kernel : EV.set_pte, 1);
    memory.set(table, slot, frame, flags);
  }
  set_ptes(cpu: number, mm: number, table: number, run: EntryRun, flags: number): void {
    for (let i = 0; i < run.n; i++) this.set_pte(cpu, mm, table, run.slot[i]!, run.frame[i]!, flags);
  }
  set_pmd(cpu: number, _mm: number, table: number, slot: number, frame: number, flags: number): void {
    const { ledger, memory } = this.k;
    ledger.count(cpu, EV.set_pmd, 1);
    memory.set(table, slot, frame, flags);
  }
  set_pud(cpu: number, _mm: number, table: number, slot: number, frame: number, flags: number): void {
    const { ledger, memory } = this.k;
    ledger.count(cpu, EV.set_pud, 1);
    memory.set(table, slot, frame, flags);
  }
  set_p4d(cpu: number, mm: number, slot: number, frame: number, flags: number): void {
    const { ledger, memory, mms } = this.k;
    ledger.count(cpu, EV.set_p4d, 1);
    memory.set(mms.pgd[mm]!, slot, frame, flags);
  }

  ptep_get_and_clear(_cpu: number, _mm: number, table: number, slot: number): void {
    this.k.memory.set(table, slot, 0, 0);
  }
  ptep_set_wrprotect(_cpu: number, _mm: number, table: number, slot: number): void {
    const { memory } = this.k;
    memory.set_flags(table, slot, memory.flags(table, slot) & ~_PAGE_RW);
  }
  pte_clear_full(_cpu: number, _mm: number, table: number, slot: number): void {
    this.k.memory.set(table, slot, 0, 0);
  }
  ptep_modify_prot_start(cpu: number): void {
    this.k.ledger.count(cpu, EV.ptep_modify_prot_start, 1);
  }
  ptep_modify_prot_commit(
    cpu: number,
    _mm: number,
    table: number,
    slot: number,
    frame: number,
    flags: number,
  ): void {
    const { ledger, memory } = this.k;
    ledger.count(cpu, EV.ptep_modify_prot_commit, 1);
    memory.set(table, slot, frame, flags);
  }

  alloc_table(cpu: number, _mm: number, level: number, table: number): void {
    const { ledger, pages } = this.k;
    ledger.count(cpu, ALLOC[level]!, 1);
    pages.flags[table]! |= PG_table;
  }
  release_table(cpu: number, _mm: number, level: number, table: number): void {
    const { ledger, pages } = this.k;
    ledger.count(cpu, RELEASE[level]!, 1);
    pages.flags[table]! &= ~PG_table;
  }
  pgd_alloc(_cpu: number, mm: number): void {
    this.k.mms.pgd[mm] = alloc_kernel_pgd(this.k);
  }
  pgd_free(_cpu: number, mm: number): void {
    const { k } = this;
    free_pgd_pair(k, k.mms.pgd[mm]!);
    k.mms.pgd[mm] = 0;
  }

  dup_mmap(): Rc {
    return 0;
  }
  activate_mm(): Rc {
    return 0;
  }
  exit_mmap(): void {
    // no CPU is forced off: a lazy one is not in the way of anything
  }
  pgd_pin(): void {
    // nothing is pinned
  }
  pgd_unpin(): void {
    // as above
  }
  arch_enter_lazy_mmu_mode(): void {
    // a store waits for nothing
  }
  arch_leave_lazy_mmu_mode(): void {
    // as above
  }

  flush_tlb_mm_range(cpu: number, mm: number, start: number, end: number, stride = 1): void {
    flush_tlb_mm_range(this.k, cpu, mm, start, end, stride);
  }
  flush_tlb_user(cpu: number): void {
    this.k.hw.mov_to_cr3(cpu, this.k.percpu.xen_cr3[cpu]!);
  }
  flush_tlb_user_pages(cpu: number, start: number, end: number, stride: number): void {
    for (let page = start; page < end; page += stride) {
      this.k.ledger.count(cpu, EV.flush_tlb_one_user, 1);
      this.k.hw.invlpg(cpu, page as Vpn);
    }
  }
  flush_tlb_multi(cpu: number, mm: number, start: number, end: number, stride: number): void {
    native_flush_tlb_multi(this.k, cpu, mm, start, end, stride);
  }
  write_cr3(cpu: number, _mm: number, pgd: number): void {
    const { percpu, ledger, hw } = this.k;
    percpu.xen_cr3[cpu] = pgd;
    percpu.xen_current_cr3[cpu] = pgd;
    ledger.count(cpu, EV.write_cr3_kernel, 1);
    hw.mov_to_cr3(cpu, pgd);
  }
  switch_mm(cpu: number, _prev: number, next: number, task: number): void {
    switch_mm_irqs_off(this.k, cpu, next, task);
  }
  enter_lazy_tlb(cpu: number): void {
    enter_lazy_tlb(this.k, cpu);
  }
  start_context_switch(): void {
    // no lazy mode
  }
  end_context_switch(): void {
    // nothing was queued
  }
  switch_to(cpu: number, _prev: number, next: number): void {
    const { tasks, percpu } = this.k;
    percpu.set_current(cpu, next);
    tasks.on_cpu[next] = cpu;
    tasks.last_cpu[next] = cpu;
  }
  save_fsgs(): void {
    // read and written without a trap
  }
  start_thread(): void {
    // as above
  }
  smp_send_reschedule(cpu: number, other: number): void {
    xen_smp_send_reschedule(this.k, cpu, other);
  }
  send_call_func_single_ipi(): void {
    // nobody is asked to leave tables
  }

  thread_create(): number {
    return 0;
  }
  thread_exit(): void {
    // no design has tables of its own
  }
  thread_free(): void {
    // as above
  }
  sync_fault(): boolean {
    return false;
  }
}

/** Flush `mm` here, and on each other CPU of its set that is not lazy, by an interrupt. */
function native_flush_tlb_multi(
  k: Linux,
  cpu: number,
  mm: number,
  start: number,
  end: number,
  stride: number,
): void {
  const { mms, percpu, ledger } = k;
  const { cpumask } = mms;
  const at = mms.mm_cpumask(mm);
  const flush = (there: number): void => {
    if (percpu.loaded_mm[there] === mm) flush_tlb_func(k, there, start, end, stride, mms.tlb_gen[mm]!);
  };
  ledger.count(cpu, EV.flush_tlb_multi, 1);
  for (let other = 0; other < k.config.nrCpus; other++) {
    if (other === cpu || !cpumask_test_cpu(other, cpumask, at) || percpu.is_lazy[other] !== 0) continue;
    xen_smp_send_reschedule(k, cpu, other);
    smp_call_function(k, cpu, other, flush);
  }
  flush(cpu);
}
