/**
 * The pv-ops of a Xen PV guest, put together from the files beside this one.
 *
 * Mirrors: xen_mmu_ops, xen_init_mmu_ops(), arch/x86/xen/mmu_pv.c.
 */
import type { Rc } from "../../abi/errno.js";
import { AGAIN, NEXT, path, type Path, runPath, step } from "../../abi/path.js";
import type { Linux } from "../linux.js";
import type { PvMmuOps } from "../pv-ops.js";
import { enter_lazy_tlb, flush_tlb_mm_range, switch_mm_irqs_off } from "../tlb.js";
import { MORE } from "../mm-life.js";
import { drop_pair } from "../top-level/pair.js";
import { thread_free, xen_exit_mmap, xen_write_cr3 } from "./cr3.js";
import { deactivate_mm, save_fsgs, start_thread_common } from "./enlighten-pv.js";
import { xen_smp_send_reschedule } from "./evtchn.js";
import {
  paravirt_enter_lazy_mmu,
  xen_flush_tlb,
  xen_flush_tlb_multi,
  xen_flush_tlb_one_user,
  xen_leave_lazy_mmu,
} from "./flush-tlb.js";
import { call_function } from "./leave-tables.js";
import { xen_pgd_pin, xen_pgd_unpin } from "./pgd-pin.js";
import { pgd_alloc, pgd_free, xen_alloc_ptpage, xen_release_ptpage } from "./ptpage.js";
import {
  ptep_get_and_clear,
  ptep_set_wrprotect,
  xen_ptep_modify_prot_commit,
  xen_ptep_modify_prot_start,
  xen_set_p4d,
  xen_set_pmd,
  xen_set_pte,
  xen_set_pud,
} from "./set-entries.js";
import { paravirt_start_context_switch } from "./enlighten-pv.js";
import { begin_switch_to, end_switch_to } from "../sched.js";
import { direct_map } from "./prot.js";

export function xen_mmu_ops(k: Linux): PvMmuOps {
  return {
    set_pte: (cpu, mm, table, slot, frame, flags) => xen_set_pte(k, cpu, mm, table, slot, frame, flags),
    set_pmd: (cpu, _mm, table, slot, frame, flags) => xen_set_pmd(k, cpu, table, slot, frame, flags),
    set_pud: (cpu, _mm, table, slot, frame, flags) => xen_set_pud(k, cpu, table, slot, frame, flags),
    set_p4d: (cpu, mm, slot, frame, flags) => xen_set_p4d(k, cpu, mm, slot, frame, flags),

    ptep_get_and_clear: (cpu, _mm, table, slot) => ptep_get_and_clear(k, cpu, table, slot),
    ptep_set_wrprotect: (cpu, _mm, table, slot) => ptep_set_wrprotect(k, cpu, table, slot),
    pte_clear_full: (cpu, _mm, table, slot) => void k.hv.store(cpu, direct_map(table), slot, 0, 0),
    ptep_modify_prot_start: (cpu) => xen_ptep_modify_prot_start(k, cpu),
    ptep_modify_prot_commit: (cpu, _mm, table, slot, frame, flags) =>
      xen_ptep_modify_prot_commit(k, cpu, table, slot, frame, flags),

    alloc_table: (cpu, mm, level, table) => xen_alloc_ptpage(k, cpu, mm, level, table),
    release_table: (cpu, _mm, level, table) => xen_release_ptpage(k, cpu, level, table),
    pgd_alloc: (_cpu, mm) => pgd_alloc(k, mm),
    pgd_free: (_cpu, mm) => pgd_free(k, mm),

    dup_mmap: (cpu, mm) => enter_mmap(k, cpu, mm),
    activate_mm: (cpu, _prev, next) => enter_mmap(k, cpu, next),
    exit_mmap: (cpu, mm) => xen_exit_mmap(k, cpu, mm),

    pgd_pin: (cpu, mm) => xen_pgd_pin(k, cpu, mm),
    pgd_unpin: (cpu, mm) => xen_pgd_unpin(k, cpu, mm),
    arch_enter_lazy_mmu_mode: (cpu) => paravirt_enter_lazy_mmu(k, cpu),
    arch_leave_lazy_mmu_mode: (cpu) => xen_leave_lazy_mmu(k, cpu),

    flush_tlb_mm_range: (cpu, mm, start, end, stride = 1) =>
      flush_tlb_mm_range(k, cpu, mm, start, end, stride),
    flush_tlb_user: (cpu) => xen_flush_tlb(k, cpu),
    flush_tlb_one_user: (cpu, page) => xen_flush_tlb_one_user(k, cpu, page),
    flush_tlb_multi: (cpu, mm, start, end) => xen_flush_tlb_multi(k, cpu, mm, start, end),
    write_cr3: (cpu, mm, pgd) => xen_write_cr3(k, cpu, mm, pgd),
    switch_mm: (cpu, _prev, next, task) => {
      switch_mm_irqs_off(k, cpu, next, task);
      if (k.life.pgd[cpu] !== 0) drop_pair(k, cpu, k.life.pgd[cpu]!);
    },
    enter_lazy_tlb: (cpu) => enter_lazy_tlb(k, cpu),
    start_context_switch: (cpu, prev) => paravirt_start_context_switch(k, cpu, prev),
    end_context_switch: (cpu, next) => begin_switch_to(k, cpu, next),
    switch_to: (cpu, _prev, next) => end_switch_to(k, cpu, next),

    save_fsgs: (cpu) => save_fsgs(k, cpu),
    start_thread: (cpu) => start_thread_common(k, cpu),
    smp_send_reschedule: (cpu, other) => xen_smp_send_reschedule(k, cpu, other),
    send_call_func_single_ipi: (_cpu, other) => call_function(k, other),

    thread_create: (cpu, mm, task) => {
      save_fsgs(k, cpu);
      return k.top.thread_create(k, cpu, mm, task);
    },
    thread_exit: (cpu) => deactivate_mm(k, cpu),
    thread_free: (cpu, task) => thread_free(k, cpu, task),
    sync_fault: (cpu, task, vpn) => k.top.sync_fault(k, cpu, task, vpn),
  };
}

/** Pin life.mm, and make what the design needs besides; life.rc is the answer. Mirrors: xen_enter_mmap(). */
export const xen_enter_mmap_path: Path<Linux> = path("xen_enter_mmap", [
  step("xen_pgd_pin", (k, cpu) => {
    xen_pgd_pin(k, cpu, k.life.mm[cpu]!);
    return NEXT;
  }),
  step("pinned", (k, cpu) => {
    const rc = k.top.pinned(k, cpu, k.life.mm[cpu]!);
    k.life.rc[cpu] = rc;
    return rc === MORE ? AGAIN : NEXT;
  }),
]);

function enter_mmap(k: Linux, cpu: number, mm: number): Rc {
  k.life.mm[cpu] = mm;
  runPath(xen_enter_mmap_path, k, cpu);
  return k.life.rc[cpu]!;
}
