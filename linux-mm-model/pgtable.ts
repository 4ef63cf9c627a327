/**
 * Software walks of an mm's reference pagetable, and the tables that they add.
 *
 * Mirrors: pgd_offset()..pte_offset_map(), include/linux/pgtable.h; __pud_alloc(), __pmd_alloc(), __pte_alloc(),
 *          mm/memory.c; pgprot of protection_map[], arch/x86/mm/pgprot.c.
 */
import { mfn } from "../abi/frames.js";
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_GLOBAL,
  _PAGE_NX,
  _PAGE_PRESENT,
  _PAGE_RW,
  _PAGE_USER,
} from "../abi/page.js";
import type { Linux } from "./linux.js";
import { VM_EXEC, VM_READ, VM_SHARED, VM_WRITE } from "./vma.js";
import { _PAGE_TABLE } from "./xen/prot.js";

/** Pages that one entry of each level covers. */
export const PMD_PAGES = 512;
export const PUD_PAGES = 512 * 512;
export const P4D_PAGES = 512 * 512 * 512;

/** A PTE without access whose page stays: the G bit without P. */
export const _PAGE_PROTNONE = _PAGE_GLOBAL;

/** Flags of a user PTE of a VMA. Mirrors: vm_get_page_prot(). */
export function vm_page_prot(flags: number): number {
  if ((flags & (VM_READ | VM_WRITE | VM_EXEC)) === 0) return _PAGE_PROTNONE | _PAGE_ACCESSED | _PAGE_NX;
  const base = _PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED | ((flags & VM_EXEC) !== 0 ? 0 : _PAGE_NX);
  return (flags & (VM_SHARED | VM_WRITE)) === (VM_SHARED | VM_WRITE) ? base | _PAGE_RW : base;
}

/** Is there a page behind the PTE, accessible or not? Mirrors: pte_present(). */
export function pte_present(flags: number): boolean {
  return (flags & (_PAGE_PRESENT | _PAGE_PROTNONE)) !== 0;
}

export const PTE_WRITE_DIRTY = _PAGE_RW | _PAGE_DIRTY;

/** L3, L2 or L1 table (level 3..1) that covers `page` in `mm`, 0 if there is none. */
export function table_of(k: Linux, mm: number, page: number, level: number): number {
  const { memory } = k;
  const p4d = Math.floor(page / P4D_PAGES);
  let table = k.mms.pgd[mm]!;
  if ((memory.flags(table, p4d) & _PAGE_PRESENT) === 0) return 0;
  table = memory.frame(table, p4d);
  if (level === 3) return table;
  const pud = (page >>> 18) & 511;
  if ((memory.flags(table, pud) & _PAGE_PRESENT) === 0) return 0;
  table = memory.frame(table, pud);
  if (level === 2) return table;
  const pmd = (page >>> 9) & 511;
  if ((memory.flags(table, pmd) & _PAGE_PRESENT) === 0) return 0;
  return memory.frame(table, pmd);
}

/** L3 table of `page`, made if missing. */
export function pud_alloc(k: Linux, cpu: number, mm: number, page: number): number {
  const old = table_of(k, mm, page, 3);
  if (old !== 0) return old;
  const table = new_table(k);
  k.pv.alloc_table(cpu, mm, 3, table);
  k.mms.nr_puds[mm]!++;
  k.pv.set_p4d(cpu, mm, Math.floor(page / P4D_PAGES), table, _PAGE_TABLE);
  return table;
}

/** L2 table of `page`, made if missing, with its L3. */
export function pmd_alloc(k: Linux, cpu: number, mm: number, page: number): number {
  const pud_table = pud_alloc(k, cpu, mm, page);
  const old = table_of(k, mm, page, 2);
  if (old !== 0) return old;
  const table = new_table(k);
  k.pv.alloc_table(cpu, mm, 2, table);
  k.mms.nr_pmds[mm]!++;
  k.pv.set_pud(cpu, mm, pud_table, (page >>> 18) & 511, table, _PAGE_TABLE);
  return table;
}

/** L1 table of `page`, made if missing, with all above it. */
export function pte_alloc(k: Linux, cpu: number, mm: number, page: number): number {
  const pmd_table = pmd_alloc(k, cpu, mm, page);
  const old = table_of(k, mm, page, 1);
  if (old !== 0) return old;
  const table = new_table(k);
  k.mms.nr_ptes[mm]!++;
  k.pv.alloc_table(cpu, mm, 1, table);
  k.pv.set_pmd(cpu, mm, pmd_table, (page >>> 9) & 511, table, _PAGE_TABLE);
  return table;
}

/** A cleared table page. */
export function new_table(k: Linux): number {
  const table = k.pages.alloc_table();
  k.memory.clear_page(mfn(table));
  return table;
}
