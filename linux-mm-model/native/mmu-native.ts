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
import { EV } from "../../abi/events.js";
import type { Vpn } from "../../abi/frames.js";
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

export function native_mmu_ops(k: Linux): PvMmuOps {
  const { memory, ledger } = k;
  const nothing = (): void => undefined;
  const done = (): 0 => 0;
  return {
    set_pte: (cpu, mm, table, slot, frame, flags) => {
      ledger.count(cpu, mm === INIT_MM ? EV.set_pte_kernel : EV.set_pte, 1);
      memory.set(table, slot, frame, flags);
    },
    set_pmd: (cpu, _mm, table, slot, frame, flags) => {
      ledger.count(cpu, EV.set_pmd, 1);
      memory.set(table, slot, frame, flags);
    },
    set_pud: (cpu, _mm, table, slot, frame, flags) => {
      ledger.count(cpu, EV.set_pud, 1);
      memory.set(table, slot, frame, flags);
    },
    set_p4d: (cpu, mm, slot, frame, flags) => {
      ledger.count(cpu, EV.set_p4d, 1);
      memory.set(k.mms.pgd[mm]!, slot, frame, flags);
    },

    ptep_get_and_clear: (_cpu, _mm, table, slot) => memory.set(table, slot, 0, 0),
    ptep_set_wrprotect: (_cpu, _mm, table, slot) =>
      memory.set_flags(table, slot, memory.flags(table, slot) & ~_PAGE_RW),
    pte_clear_full: (_cpu, _mm, table, slot) => memory.set(table, slot, 0, 0),
    ptep_modify_prot_start: (cpu) => ledger.count(cpu, EV.ptep_modify_prot_start, 1),
    ptep_modify_prot_commit: (cpu, _mm, table, slot, frame, flags) => {
      ledger.count(cpu, EV.ptep_modify_prot_commit, 1);
      memory.set(table, slot, frame, flags);
    },

    alloc_table: (cpu, _mm, level, table) => {
      ledger.count(cpu, ALLOC[level]!, 1);
      k.pages.flags[table]! |= PG_table;
    },
    release_table: (cpu, _mm, level, table) => {
      ledger.count(cpu, RELEASE[level]!, 1);
      k.pages.flags[table]! &= ~PG_table;
    },
    pgd_alloc: (_cpu, mm) => {
      k.mms.pgd[mm] = alloc_kernel_pgd(k);
    },
    pgd_free: (_cpu, mm) => {
      free_pgd_pair(k, k.mms.pgd[mm]!);
      k.mms.pgd[mm] = 0;
    },

    dup_mmap: done,
    activate_mm: done,
    exit_mmap: nothing,
    pgd_pin: nothing,
    pgd_unpin: nothing,
    arch_enter_lazy_mmu_mode: nothing,
    arch_leave_lazy_mmu_mode: nothing,

    flush_tlb_mm_range: (cpu, mm, start, end, stride = 1) =>
      flush_tlb_mm_range(k, cpu, mm, start, end, stride),
    flush_tlb_user: (cpu) => k.hw.mov_to_cr3(cpu, k.percpu.xen_cr3[cpu]!),
    flush_tlb_one_user: (cpu, page) => {
      ledger.count(cpu, EV.flush_tlb_one_user, 1);
      k.hw.invlpg(cpu, page as Vpn);
    },
    flush_tlb_multi: (cpu, mm, start, end, stride) => native_flush_tlb_multi(k, cpu, mm, start, end, stride),
    write_cr3: (cpu, _mm, pgd) => {
      k.percpu.xen_cr3[cpu] = pgd;
      k.percpu.xen_current_cr3[cpu] = pgd;
      ledger.count(cpu, EV.write_cr3_kernel, 1);
      k.hw.mov_to_cr3(cpu, pgd);
    },
    switch_mm: (cpu, _prev, next, task) => switch_mm_irqs_off(k, cpu, next, task),
    enter_lazy_tlb: (cpu) => enter_lazy_tlb(k, cpu),
    start_context_switch: nothing,
    end_context_switch: nothing,
    switch_to: (cpu, _prev, next) => {
      const { tasks } = k;
      k.percpu.current[cpu] = next;
      tasks.on_cpu[next] = cpu;
      tasks.last_cpu[next] = cpu;
    },
    save_fsgs: nothing,
    start_thread: nothing,
    smp_send_reschedule: (cpu, other) => xen_smp_send_reschedule(k, cpu, other),
    send_call_func_single_ipi: nothing,

    thread_create: done,
    thread_exit: nothing,
    thread_free: nothing,
    sync_fault: () => false,
  };
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
