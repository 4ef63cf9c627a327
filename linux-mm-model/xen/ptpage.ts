/**
 * Table pages coming into use and leaving it, and the top level of a new mm.
 *
 * A page that is hooked into a pinned address space is made read-only first, and an L1 table is pinned by
 * itself too where L1 tables have locks of their own; on the way out the reverse.
 *
 * Mirrors: xen_alloc_ptpage(), xen_release_ptpage(), xen_pgd_alloc(), xen_pgd_free(), arch/x86/xen/mmu_pv.c;
 *          pgd_alloc(), pgd_ctor(), pgd_free(), arch/x86/mm/pgtable.c.
 * Differs: no second page of PGD_ALLOCATION_ORDER, which KPTI would use on hardware.
 */
import { EV } from "../../abi/events.js";
import { mfn } from "../../abi/frames.js";
import { LINUX_KERNEL_IMAGE_SLOT, ROOT_PAGETABLE_FIRST_XEN_SLOT } from "../../abi/layout.js";
import { MMUEXT_OP_BYTES, MMUEXT_PIN_L1_TABLE, MMUEXT_UNPIN_TABLE } from "../../abi/mmuext-op.js";
import type { Linux } from "../linux.js";
import { PARAVIRT_LAZY_MMU } from "../percpu.js";
import { PG_pinned, PG_table } from "../struct-page.js";
import { MULTI_mmuext_op, MULTI_update_va_mapping, xen_mc_batch, xen_mc_issue } from "./multicalls.js";
import { _PAGE_TABLE, direct_map, PAGE_KERNEL, PAGE_KERNEL_RO } from "./prot.js";
import { xen_page_pinned } from "./set-entries.js";

const ALLOC_PINNED = [0, EV.alloc_pte_pinned, EV.alloc_pmd_pinned, EV.alloc_pud_pinned];
const ALLOC_UNPINNED = [0, EV.alloc_pte_unpinned, EV.alloc_pmd_unpinned, EV.alloc_pud_unpinned];
const RELEASE_PINNED = [0, EV.release_pte_pinned, EV.release_pmd_pinned, EV.release_pud_pinned];
const RELEASE_UNPINNED = [0, EV.release_pte_unpinned, EV.release_pmd_unpinned, EV.release_pud_unpinned];

/** `table` is about to be hooked into `mm` at `level` (1: PTE page). */
export function xen_alloc_ptpage(k: Linux, cpu: number, mm: number, level: number, table: number): void {
  const pinned = xen_page_pinned(k, k.mms.pgd[mm]!);
  k.ledger.count(cpu, (pinned ? ALLOC_PINNED : ALLOC_UNPINNED)[level]!, 1);
  k.pages.flags[table]! |= PG_table;
  if (!pinned) return;
  const again = xen_page_pinned(k, table); // moved by mremap
  k.pages.flags[table]! |= PG_pinned;
  xen_mc_batch(k, cpu);
  MULTI_update_va_mapping(k, cpu, direct_map(table), table, PAGE_KERNEL_RO, 0);
  if (level === 1 && k.config.splitPtlocks && !again)
    MULTI_mmuext_op(k, cpu, MMUEXT_OP_BYTES, MMUEXT_PIN_L1_TABLE, table);
  xen_mc_issue(k, cpu, PARAVIRT_LAZY_MMU);
}

/** `table` has been unhooked at `level`. */
export function xen_release_ptpage(k: Linux, cpu: number, level: number, table: number): void {
  const pinned = xen_page_pinned(k, table);
  k.ledger.count(cpu, (pinned ? RELEASE_PINNED : RELEASE_UNPINNED)[level]!, 1);
  k.pages.flags[table]! &= ~(PG_table | PG_pinned);
  if (!pinned) return;
  xen_mc_batch(k, cpu);
  if (level === 1 && k.config.splitPtlocks)
    MULTI_mmuext_op(k, cpu, MMUEXT_OP_BYTES, MMUEXT_UNPIN_TABLE, table);
  MULTI_update_va_mapping(k, cpu, direct_map(table), table, PAGE_KERNEL, 0);
  xen_mc_issue(k, cpu, PARAVIRT_LAZY_MMU);
}

/** A top level for `mm`: the kernel half of swapper_pg_dir, no user half; and its user-mode L4 if it will be loaded. */
export function pgd_alloc(k: Linux, mm: number): void {
  const pgd = alloc_kernel_pgd(k);
  k.mms.pgd[mm] = pgd;
  k.mms.user_pgd[mm] = k.top.loadsReference ? alloc_user_pgd(k, pgd) : 0;
  k.mms.pinned[mm] = 0;
}

/** The last reference to `mm` has gone: free its top level. */
export function pgd_free(k: Linux, mm: number): void {
  const pgd = k.mms.pgd[mm]!;
  free_pgd_pair(k, pgd);
  k.mms.pgd[mm] = 0;
  k.mms.user_pgd[mm] = 0;
}

/** An unpinned kernel-mode L4 with swapper_pg_dir's kernel half. Mirrors: pgd_ctor(), clone_pgd_range(). */
export function alloc_kernel_pgd(k: Linux): number {
  const { memory, pages } = k;
  const pgd = pages.alloc_table();
  memory.clear_page(mfn(pgd));
  const from = memory.at(swapper_pg_dir(k), kernelHalf(k));
  memory.words.copyWithin(memory.at(pgd, kernelHalf(k)), from, from + memory.ptes * 2 - kernelHalf(k) * 2);
  pages.flags[pgd] = PG_table;
  return pgd;
}

/** The user-mode L4 beside `pgd`: no kernel mappings but the vsyscall page. Mirrors: xen_pgd_alloc(). */
export function alloc_user_pgd(k: Linux, pgd: number): number {
  const { memory, pages } = k;
  const user_pgd = pages.alloc_table();
  memory.clear_page(mfn(user_pgd));
  const vsyscall = k.image.level3_user_vsyscall[0]!;
  if (vsyscall !== 0) memory.set(user_pgd, LINUX_KERNEL_IMAGE_SLOT, vsyscall, _PAGE_TABLE);
  pages.flags[user_pgd] = PG_table;
  pages.private[pgd] = user_pgd;
  return user_pgd;
}

/** Free an unpinned L4 and the user-mode L4 beside it. Mirrors: xen_pgd_free(), _pgd_free(). */
export function free_pgd_pair(k: Linux, pgd: number): void {
  const user_pgd = k.pages.private[pgd]!;
  if (user_pgd !== 0) k.pages.put_page(user_pgd);
  k.pages.put_page(pgd);
}

/** Frame of init_mm's top level. */
export function swapper_pg_dir(k: Linux): number {
  return k.mms.pgd[0]!;
}

/** First slot of the kernel half. Mirrors: KERNEL_PGD_BOUNDARY, pgd_index(PAGE_OFFSET), rounded down to the half. */
export function kernelHalf(k: Linux): number {
  return k.config.ptes === 512 ? ROOT_PAGETABLE_FIRST_XEN_SLOT : k.config.ptes / 2;
}
