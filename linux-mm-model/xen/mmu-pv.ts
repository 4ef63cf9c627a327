/**
 * The pv-ops of a Xen PV guest, put together from the files beside this one. A class, so that all machines of a process share
 * its functions: what V8 compiled for one holds for the next.
 *
 * Mirrors: xen_mmu_ops, xen_init_mmu_ops(), arch/x86/xen/mmu_pv.c.
 */
import type { Rc } from "../../abi/errno.js";
import type { EntryRun } from "../../abi/mmu-update.js";
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
  xen_flush_tlb_user_pages,
  xen_leave_lazy_mmu,
} from "./flush-tlb.js";
import { hook_new_table } from "./hook-table.js";
import { call_function } from "./leave-tables.js";
import { xen_pgd_pin, xen_pgd_unpin } from "./pgd-pin.js";
import { pgd_alloc, pgd_free, xen_alloc_ptpage, xen_release_ptpage } from "./ptpage.js";
import {
  pte_clear_full_range,
  ptep_get_and_clear,
  ptep_set_wrprotect,
  xen_ptep_modify_prot_commit,
  xen_ptep_modify_prot_start,
  xen_set_p4d,
  xen_set_pmd,
  xen_set_pte,
  xen_set_ptes,
  xen_set_pud,
} from "./set-entries.js";
import { paravirt_start_context_switch } from "./enlighten-pv.js";
import { begin_switch_to, end_switch_to } from "../sched.js";
import { direct_map } from "./prot.js";
import { switch_to_at_once } from "./switch-to.js";

export class XenMmuOps implements PvMmuOps {
  constructor(protected readonly k: Linux) {}

  set_pte(cpu: number, mm: number, table: number, slot: number, frame: number, flags: number): void {
    xen_set_pte(this.k, cpu, mm, table, slot, frame, flags);
  }
  set_ptes(cpu: number, mm: number, table: number, run: EntryRun, flags: number): void {
    xen_set_ptes(this.k, cpu, mm, table, run, flags);
  }
  set_pmd(cpu: number, _mm: number, table: number, slot: number, frame: number, flags: number): void {
    xen_set_pmd(this.k, cpu, table, slot, frame, flags);
  }
  set_pud(cpu: number, _mm: number, table: number, slot: number, frame: number, flags: number): void {
    xen_set_pud(this.k, cpu, table, slot, frame, flags);
  }
  set_p4d(cpu: number, mm: number, slot: number, frame: number, flags: number): void {
    xen_set_p4d(this.k, cpu, mm, slot, frame, flags);
  }

  ptep_get_and_clear(cpu: number, _mm: number, table: number, slot: number): void {
    ptep_get_and_clear(this.k, cpu, table, slot);
  }
  ptep_set_wrprotect(cpu: number, _mm: number, table: number, slot: number): void {
    ptep_set_wrprotect(this.k, cpu, table, slot);
  }
  pte_clear_full(cpu: number, _mm: number, table: number, slot: number): void {
    this.k.hv.store(cpu, direct_map(table), slot, 0, 0);
  }
  pte_clear_full_range(cpu: number, _mm: number, table: number, first: number, end: number): void {
    pte_clear_full_range(this.k, cpu, table, first, end);
  }
  ptep_modify_prot_start(cpu: number): void {
    xen_ptep_modify_prot_start(this.k, cpu);
  }
  ptep_modify_prot_commit(
    cpu: number,
    _mm: number,
    table: number,
    slot: number,
    frame: number,
    flags: number,
  ): void {
    xen_ptep_modify_prot_commit(this.k, cpu, table, slot, frame, flags);
  }

  alloc_table(cpu: number, mm: number, level: number, table: number): void {
    xen_alloc_ptpage(this.k, cpu, mm, level, table);
  }
  hook_new_table(
    cpu: number,
    level: 1 | 2,
    table: number,
    upper: number,
    slot: number,
    flags: number,
  ): boolean {
    return hook_new_table(this.k, cpu, level, table, upper, slot, flags);
  }
  release_table(cpu: number, _mm: number, level: number, table: number): void {
    xen_release_ptpage(this.k, cpu, level, table);
  }
  pgd_alloc(_cpu: number, mm: number): void {
    pgd_alloc(this.k, mm);
  }
  pgd_free(_cpu: number, mm: number): void {
    pgd_free(this.k, mm);
  }

  dup_mmap(cpu: number, mm: number): Rc {
    return enter_mmap(this.k, cpu, mm);
  }
  activate_mm(cpu: number, _prev: number, next: number): Rc {
    return enter_mmap(this.k, cpu, next);
  }
  exit_mmap(cpu: number, mm: number): void {
    xen_exit_mmap(this.k, cpu, mm);
  }

  pgd_pin(cpu: number, mm: number): void {
    xen_pgd_pin(this.k, cpu, mm);
  }
  pgd_unpin(cpu: number, mm: number): void {
    xen_pgd_unpin(this.k, cpu, mm);
  }
  arch_enter_lazy_mmu_mode(cpu: number): void {
    paravirt_enter_lazy_mmu(this.k, cpu);
  }
  arch_leave_lazy_mmu_mode(cpu: number): void {
    xen_leave_lazy_mmu(this.k, cpu);
  }

  flush_tlb_mm_range(cpu: number, mm: number, start: number, end: number, stride = 1): void {
    flush_tlb_mm_range(this.k, cpu, mm, start, end, stride);
  }
  flush_tlb_user(cpu: number): void {
    xen_flush_tlb(this.k, cpu);
  }
  flush_tlb_user_pages(cpu: number, start: number, end: number, stride: number): void {
    xen_flush_tlb_user_pages(this.k, cpu, start, end, stride);
  }
  flush_tlb_multi(cpu: number, mm: number, start: number, end: number, _stride: number): void {
    xen_flush_tlb_multi(this.k, cpu, mm, start, end);
  }
  write_cr3(cpu: number, mm: number, pgd: number): void {
    xen_write_cr3(this.k, cpu, mm, pgd);
  }
  switch_mm(cpu: number, _prev: number, next: number, task: number): void {
    const { k } = this;
    switch_mm_irqs_off(k, cpu, next, task);
    if (k.life.pgd[cpu] !== 0) drop_pair(k, cpu, k.life.pgd[cpu]!);
  }
  enter_lazy_tlb(cpu: number, _mm: number): void {
    enter_lazy_tlb(this.k, cpu);
  }
  start_context_switch(cpu: number, prev: number): void {
    paravirt_start_context_switch(this.k, cpu, prev);
  }
  end_context_switch(cpu: number, next: number): void {
    begin_switch_to(this.k, cpu, next);
  }
  switch_to(cpu: number, _prev: number, next: number): void {
    end_switch_to(this.k, cpu, next);
  }
  switch_to_at_once(cpu: number, next: number): boolean {
    return switch_to_at_once(this.k, cpu, next);
  }

  save_fsgs(cpu: number): void {
    save_fsgs(this.k, cpu);
  }
  start_thread(cpu: number): void {
    start_thread_common(this.k, cpu);
  }
  smp_send_reschedule(cpu: number, other: number): void {
    xen_smp_send_reschedule(this.k, cpu, other);
  }
  send_call_func_single_ipi(_cpu: number, other: number): void {
    call_function(this.k, other);
  }

  thread_create(cpu: number, mm: number, task: number): number {
    save_fsgs(this.k, cpu);
    return this.k.top.thread_create(this.k, cpu, mm, task);
  }
  thread_exit(cpu: number, _mm: number, _task: number): void {
    deactivate_mm(this.k, cpu);
  }
  thread_free(cpu: number, task: number): void {
    thread_free(this.k, cpu, task);
  }
  sync_fault(cpu: number, task: number, vpn: number): boolean {
    return this.k.top.sync_fault(this.k, cpu, task, vpn);
  }
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
