/**
 * Pinning: all tables of an address space read-only and typed in Xen, at the end of fork and at exec; and back.
 *
 * Mirrors: __xen_pgd_walk(), xen_pin_page(), __xen_pgd_pin(), xen_unpin_page(), __xen_pgd_unpin(),
 *          arch/x86/xen/mmu_pv.c.
 * Differs: the lock of an L1 table that is held until the batch is issued is only a queued callback.
 */
import { EV } from "../../abi/events.js";
import { MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L4_TABLE, MMUEXT_UNPIN_TABLE } from "../../abi/mmuext-op.js";
import { UVMF_LOCAL, UVMF_TLB_FLUSH } from "../../abi/update-va-mapping.js";
import type { Linux } from "../linux.js";
import { PG_pinned } from "../struct-page.js";
import {
  CB_xen_pte_unlock,
  MULTI_update_va_mapping,
  xen_extend_mmuext_op,
  xen_mc_batch,
  xen_mc_callback,
  xen_mc_issue,
} from "./multicalls.js";
import { direct_map, PAGE_KERNEL, PAGE_KERNEL_RO } from "./prot.js";
import { xen_get_user_pgd } from "./set-entries.js";

type PageFunction = (k: Linux, cpu: number, page: number, level: number) => void;

/** Pin `mm`'s reference top level and all below it. */
export function xen_pgd_pin(k: Linux, cpu: number, mm: number): void {
  const pgd = k.mms.pgd[mm]!;
  k.ledger.count(cpu, EV.pgd_pin, 1);
  xen_mc_batch(k, cpu);
  xen_pgd_walk(k, cpu, pgd, xen_pin_page);
  pin_l4_pair(k, cpu, pgd);
  xen_mc_issue(k, cpu, 0);
  k.mms.pinned[mm] = 1;
}

/** Unpin `mm`'s reference top level and all below it; no CPU has it loaded. */
export function xen_pgd_unpin(k: Linux, cpu: number, mm: number): void {
  const pgd = k.mms.pgd[mm]!;
  k.ledger.count(cpu, EV.pgd_unpin, 1);
  xen_mc_batch(k, cpu);
  unpin_l4_pair(k, cpu, pgd);
  xen_pgd_walk(k, cpu, pgd, xen_unpin_page);
  xen_mc_issue(k, cpu, 0);
  k.mms.pinned[mm] = 0;
}

/** Pin one more kernel-mode L4, with its user-mode L4, over tables that are pinned already: 4 calls. */
export function pin_replica(k: Linux, cpu: number, pgd: number): void {
  xen_mc_batch(k, cpu);
  xen_pin_page(k, cpu, pgd, 4);
  pin_l4_pair(k, cpu, pgd);
  xen_mc_issue(k, cpu, 0);
}

/** The reverse of pin_replica(): 3 calls. */
export function unpin_replica(k: Linux, cpu: number, pgd: number): void {
  xen_mc_batch(k, cpu);
  unpin_l4_pair(k, cpu, pgd);
  xen_unpin_page(k, cpu, pgd, 4);
  xen_mc_issue(k, cpu, 0);
}

function pin_l4_pair(k: Linux, cpu: number, pgd: number): void {
  xen_extend_mmuext_op(k, cpu, MMUEXT_PIN_L4_TABLE, pgd);
  const user_pgd = xen_get_user_pgd(k, pgd);
  if (user_pgd === 0) return;
  xen_pin_page(k, cpu, user_pgd, 4);
  xen_extend_mmuext_op(k, cpu, MMUEXT_PIN_L4_TABLE, user_pgd);
}

function unpin_l4_pair(k: Linux, cpu: number, pgd: number): void {
  xen_extend_mmuext_op(k, cpu, MMUEXT_UNPIN_TABLE, pgd);
  const user_pgd = xen_get_user_pgd(k, pgd);
  if (user_pgd === 0) return;
  xen_extend_mmuext_op(k, cpu, MMUEXT_UNPIN_TABLE, user_pgd);
  xen_unpin_page(k, cpu, user_pgd, 4);
}

export function xen_pin_page(k: Linux, cpu: number, page: number, level: number): void {
  const { flags } = k.pages;
  if ((flags[page]! & PG_pinned) !== 0) return;
  flags[page]! |= PG_pinned;
  MULTI_update_va_mapping(k, cpu, direct_map(page), page, PAGE_KERNEL_RO, level === 4 ? FLUSH_HERE : 0);
  if (level === 1 && k.config.splitPtlocks) {
    xen_extend_mmuext_op(k, cpu, MMUEXT_PIN_L1_TABLE, page);
    xen_mc_callback(k, cpu, CB_xen_pte_unlock, page);
  }
}

export function xen_unpin_page(k: Linux, cpu: number, page: number, level: number): void {
  const { flags } = k.pages;
  if ((flags[page]! & PG_pinned) === 0) return;
  flags[page]! &= ~PG_pinned;
  const split = level === 1 && k.config.splitPtlocks;
  if (split) xen_extend_mmuext_op(k, cpu, MMUEXT_UNPIN_TABLE, page);
  MULTI_update_va_mapping(k, cpu, direct_map(page), page, PAGE_KERNEL, level === 4 ? FLUSH_HERE : 0);
  if (split) xen_mc_callback(k, cpu, CB_xen_pte_unlock, page);
}

const FLUSH_HERE = UVMF_TLB_FLUSH | UVMF_LOCAL;

/** Call `func` for each table of the user half below `pgd`, an upper table before those below it, `pgd` last. */
function xen_pgd_walk(k: Linux, cpu: number, pgd: number, func: PageFunction): void {
  const { memory } = k;
  const { ptes } = k.config;
  // pgd_none() and its kin: a table entry has flags
  for (let i = memory.next_used(pgd, 0); i < ptes / 2; i = memory.next_used(pgd, i + 1)) {
    const pud = memory.frame(pgd, i);
    func(k, cpu, pud, 3);
    for (let j = memory.next_used(pud, 0); j < ptes; j = memory.next_used(pud, j + 1)) {
      const pmd = memory.frame(pud, j);
      func(k, cpu, pmd, 2);
      for (let l = memory.next_used(pmd, 0); l < ptes; l = memory.next_used(pmd, l + 1))
        func(k, cpu, memory.frame(pmd, l), 1);
    }
  }
  func(k, cpu, pgd, 4);
}
