/**
 * A new table of an address space that is pinned, in one piece: alloc_table() and set_pmd(), or set_pud(), with the calls that they make.
 *
 * The plain forms are xen_alloc_ptpage() (ptpage.ts) and xen_set_pmd() or xen_set_pud() (set-entries.ts). What is not plainly these is
 * left to them, with nothing changed; test/machine/at-once.test.ts holds the two equal (Machine.equals()).
 *
 * Mirrors: xen_alloc_ptpage(), xen_set_pmd_hyper(), xen_set_pud_hyper(), arch/x86/xen/mmu_pv.c.
 */
import { Tally } from "../../abi/ledger.js";
import type { Linux } from "../linux.js";
import { PG_pinned, PG_table } from "../struct-page.js";
import { direct_map, PAGE_KERNEL_RO } from "./prot.js";

const PTE_TABLE = Tally.of({
  alloc_pte_pinned: 1,
  set_pmd: 1,
  mc_batch_none: 2,
  mc_entry: 3,
  mc_entry_update_va_mapping: 1,
  mc_entry_mmuext_op: 1,
  mc_extend_mmu_update_bad_op: 1,
  mc_entry_mmu_update: 1,
  mc_issue_mmu: 2,
  mc_flush: 2,
});
const PMD_TABLE = Tally.of({
  alloc_pmd_pinned: 1,
  set_pud: 1,
  mc_batch_none: 2,
  mc_entry: 2,
  mc_entry_update_va_mapping: 1,
  mc_extend_mmu_update_bad_op: 1,
  mc_entry_mmu_update: 1,
  mc_issue_mmu: 2,
  mc_flush: 2,
});

/** Clear `table`, make it a table of `level`, and hook it into entry `slot` of `upper`. */
export function hook_new_table(
  k: Linux,
  cpu: number,
  level: 1 | 2,
  table: number,
  upper: number,
  slot: number,
  flags: number,
): boolean {
  const { hv, config } = k;
  if (!k.at_once || !config.splitPtlocks) return false;
  const at = direct_map(table);
  if (hv.hook_new_table?.(cpu, level, table, at, PAGE_KERNEL_RO, upper, slot, flags) !== true) return false;

  k.pages.flags[table] = k.pages.flags[table]! | PG_table | PG_pinned;
  k.ledger.countAll(cpu, level === 1 ? PTE_TABLE : PMD_TABLE);
  k.hist.mc_flush[level === 1 ? 2 : 1]!++;
  k.hist.mc_flush[1]!++;
  return true;
}
