/**
 * Setters of pagetable entries: which become a hypercall, which a plain store, and which trap.
 *
 * A table of an unpinned address space is ordinary memory, except that Linux sets PTEs by hypercall always.
 * A pinned table is read-only: entries of L2 and up are queued, PTEs go directly unless in lazy MMU
 * mode, and what Linux does with one instruction on a PTE (xchg, lock and) traps and is emulated by Xen.
 *
 * Mirrors: xen_set_pte() to xen_set_p4d(), xen_ptep_modify_prot_*(), arch/x86/xen/mmu_pv.c;
 *          native_ptep_get_and_clear(), ptep_set_wrprotect(), arch/x86/include/asm/pgtable.h.
 */
import { EV } from "../../abi/events.js";
import {
  type EntryRun,
  MMU_NORMAL_PT_UPDATE,
  MMU_PT_UPDATE_PRESERVE_AD,
  push_normal_update,
} from "../../abi/mmu-update.js";
import { _PAGE_RW } from "../../abi/page.js";
import type { Linux } from "../linux.js";
import { INIT_MM } from "../mm-struct.js";
import { PARAVIRT_LAZY_MMU } from "../percpu.js";
import { PG_pinned } from "../struct-page.js";
import { xen_extend_mmu_update, xen_mc_batch, xen_mc_issue } from "./multicalls.js";
import { direct_map } from "./prot.js";

/** Is Xen the only writer of this table? Mirrors: xen_page_pinned(), mmu_pv.c. */
export function xen_page_pinned(k: Linux, table: number): boolean {
  return (k.pages.flags[table]! & PG_pinned) !== 0;
}

/** Set a PTE, pinned or not: queued in lazy MMU mode, otherwise one hypercall past the buffer. */
export function xen_set_pte(
  k: Linux,
  cpu: number,
  mm: number,
  table: number,
  slot: number,
  frame: number,
  flags: number,
): void {
  k.ledger.count(cpu, mm === INIT_MM ? EV.set_pte_kernel : EV.set_pte, 1);
  if (k.percpu.lazy_mode[cpu] === PARAVIRT_LAZY_MMU) {
    queue_update(k, cpu, MMU_NORMAL_PT_UPDATE, table, slot, frame, flags);
    return;
  }
  const { direct, failed } = k.mc[cpu]!;
  push_normal_update(direct, table, slot, frame, flags);
  if (k.hv.hypercall(cpu, direct, 0) < 0) failed[0]!++;
}

/** Set PTEs one after the other, or all in one piece, where that leaves the same. */
export function xen_set_ptes(
  k: Linux,
  cpu: number,
  mm: number,
  table: number,
  run: EntryRun,
  flags: number,
): void {
  const { hv } = k;
  const last = run.n - 1;
  if (
    last >= 1 &&
    k.at_once &&
    k.percpu.lazy_mode[cpu] !== PARAVIRT_LAZY_MMU &&
    hv.update_l1es !== undefined &&
    hv.update_l1es(cpu, table, run, 0, run.n, flags)
  ) {
    k.ledger.count(cpu, mm === INIT_MM ? EV.set_pte_kernel : EV.set_pte, run.n);
    return;
  }
  for (let i = 0; i <= last; i++) k.pv.set_pte(cpu, mm, table, run.slot[i]!, run.frame[i]!, flags);
}

/** Set an L2 entry. */
export function xen_set_pmd(
  k: Linux,
  cpu: number,
  table: number,
  slot: number,
  frame: number,
  flags: number,
): void {
  k.ledger.count(cpu, EV.set_pmd, 1);
  set_entry(k, cpu, table, slot, frame, flags);
}

/** Set an L3 entry. */
export function xen_set_pud(
  k: Linux,
  cpu: number,
  table: number,
  slot: number,
  frame: number,
  flags: number,
): void {
  k.ledger.count(cpu, EV.set_pud, 1);
  set_entry(k, cpu, table, slot, frame, flags);
}

/** Set entry `slot` of mm's reference top level, of its user copy, and of what the top-level design adds. */
export function xen_set_p4d(
  k: Linux,
  cpu: number,
  mm: number,
  slot: number,
  frame: number,
  flags: number,
): void {
  k.ledger.count(cpu, EV.set_p4d, 1);
  const pgd = k.mms.pgd[mm]!;
  const user_pgd = xen_get_user_pgd(k, pgd, slot);
  if (flags !== 0 && slot < k.config.ptes / 2) k.mms.note_user_slot(slot);
  if (!xen_page_pinned(k, pgd)) {
    k.hv.store(cpu, direct_map(pgd), slot, frame, flags);
    if (user_pgd !== 0) k.hv.store(cpu, direct_map(user_pgd), slot, frame, flags);
    return;
  }
  xen_mc_batch(k, cpu);
  xen_extend_mmu_update(k, cpu, MMU_NORMAL_PT_UPDATE, pgd, slot, frame, flags);
  if (user_pgd !== 0) xen_extend_mmu_update(k, cpu, MMU_NORMAL_PT_UPDATE, user_pgd, slot, frame, flags);
  k.top.propagate(k, cpu, mm, slot, frame, flags);
  xen_mc_issue(k, cpu, PARAVIRT_LAZY_MMU);
}

/** The user-mode L4 beside `pgd`, 0 if it has none or `slot` is not of the user half. */
export function xen_get_user_pgd(k: Linux, pgd: number, slot = 0): number {
  return slot < k.config.ptes / 2 ? k.pages.private[pgd]! : 0;
}

function set_entry(k: Linux, cpu: number, table: number, slot: number, frame: number, flags: number): void {
  if (xen_page_pinned(k, table)) queue_update(k, cpu, MMU_NORMAL_PT_UPDATE, table, slot, frame, flags);
  else k.hv.store(cpu, direct_map(table), slot, frame, flags);
}

/** One request in a batch of its own, issued at once unless in lazy MMU mode. */
function queue_update(
  k: Linux,
  cpu: number,
  cmd: number,
  table: number,
  slot: number,
  frame: number,
  flags: number,
): void {
  xen_mc_batch(k, cpu);
  xen_extend_mmu_update(k, cpu, cmd, table, slot, frame, flags);
  xen_mc_issue(k, cpu, PARAVIRT_LAZY_MMU);
}

/** Take a PTE out with one instruction. */
export function ptep_get_and_clear(k: Linux, cpu: number, table: number, slot: number): void {
  k.hv.store(cpu, direct_map(table), slot, 0, 0);
}

/** Empty PTEs of a table that is not pinned, a store each. */
export function pte_clear_full_range(k: Linux, cpu: number, table: number, first: number, end: number): void {
  const { hv, memory } = k;
  const page = direct_map(table);
  if (hv.store_empty !== undefined && hv.store_empty(cpu, page, first, end)) return;
  for (let slot = first; slot < end; slot++)
    if (memory.flags(table, slot) !== 0) hv.store(cpu, page, slot, 0, 0);
}

/** Clear _PAGE_RW of a PTE with one instruction. */
export function ptep_set_wrprotect(k: Linux, cpu: number, table: number, slot: number): void {
  const { memory } = k;
  k.hv.store(cpu, direct_map(table), slot, memory.frame(table, slot), memory.flags(table, slot) & ~_PAGE_RW);
}

/** Begin to change a PTE: on Xen it stays in place, and what hardware sets meanwhile is kept at the commit. */
export function xen_ptep_modify_prot_start(k: Linux, cpu: number): void {
  k.ledger.count(cpu, EV.ptep_modify_prot_start, 1);
}

export function xen_ptep_modify_prot_commit(
  k: Linux,
  cpu: number,
  table: number,
  slot: number,
  frame: number,
  flags: number,
): void {
  k.ledger.count(cpu, EV.ptep_modify_prot_commit, 1);
  queue_update(k, cpu, MMU_PT_UPDATE_PRESERVE_AD, table, slot, frame, flags);
}
