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
import type { PtMemory } from "../abi/memory.js";
import { BLOCKED, DONE, NEXT, path, runPath, step } from "../abi/path.js";
import type { State } from "../abi/state.js";
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
  const l3 = table_at(memory, k.mms.pgd[mm]!, (page * (1 / P4D_PAGES)) | 0);
  if (l3 === 0 || level === 3) return l3;
  const l2 = table_at(memory, l3, (page >>> 18) & 511);
  if (l2 === 0 || level === 2) return l2;
  return table_at(memory, l2, (page >>> 9) & 511);
}

/** The table that entry `slot` of `table` leads to, 0 where it is empty. */
function table_at(memory: PtMemory, table: number, slot: number): number {
  const { words } = memory;
  const at = memory.at(table, slot);
  return (words[at + 1]! & _PAGE_PRESENT) === 0 ? 0 : words[at]!; // a table's frame is below nrTables
}

/**
 * What __pud_alloc() and free_pud_range() carry from step to step.
 *
 * Shape: nrCpus rows: mm Int32Array, page Float64Array (of the slot), table Uint32Array (the L3)
 */
export class PudRegisters {
  readonly mm: Int32Array;
  readonly page: Float64Array;
  readonly table: Uint32Array;

  constructor(state: State, nrCpus: number) {
    this.mm = state.i32(nrCpus);
    this.page = state.f64(nrCpus);
    this.table = state.u32(nrCpus);
  }
}

/** Populate a top-level slot; pud.mm and pud.page are the arguments, pud.table the answer. */
export const __pud_alloc_path = path<Linux>("__pud_alloc", [
  step("pud_alloc_one", (k, cpu) => {
    k.pud.table[cpu] = new_table(k);
    return NEXT;
  }),
  step("spin_lock(page_table_lock)", (k, cpu) => {
    const { pud, mms, pages } = k;
    const mm = pud.mm[cpu]!;
    if (!mms.lock_page_table(mm, cpu)) return BLOCKED;
    const there = table_of(k, mm, pud.page[cpu]!, 3);
    if (there === 0) return NEXT;
    pages.put_page(pud.table[cpu]!); // another CPU was first
    pud.table[cpu] = there;
    mms.unlock_page_table(mm);
    return DONE;
  }),
  step("paravirt_alloc_pud", (k, cpu) => {
    k.pv.alloc_table(cpu, k.pud.mm[cpu]!, 3, k.pud.table[cpu]!);
    return NEXT;
  }),
  step("p4d_populate", (k, cpu) => {
    const { pud } = k;
    const mm = pud.mm[cpu]!;
    k.mms.nr_puds[mm]!++;
    k.pv.set_p4d(cpu, mm, Math.floor(pud.page[cpu]! / P4D_PAGES), pud.table[cpu]!, _PAGE_TABLE);
    return NEXT;
  }),
  step("spin_unlock(page_table_lock)", (k, cpu) => {
    k.mms.unlock_page_table(k.pud.mm[cpu]!);
    return NEXT;
  }),
]);

/** L3 table of `page`, made if missing. */
export function pud_alloc(k: Linux, cpu: number, mm: number, page: number): number {
  const old = table_of(k, mm, page, 3);
  if (old !== 0) return old;
  const { pud } = k;
  pud.mm[cpu] = mm;
  pud.page[cpu] = page;
  runPath(__pud_alloc_path, k, cpu);
  return pud.table[cpu]!;
}

/** L2 table of `page`, made if missing, with its L3. */
export function pmd_alloc(k: Linux, cpu: number, mm: number, page: number): number {
  const old = table_of(k, mm, page, 2);
  if (old !== 0) return old;
  const pud_table = pud_alloc(k, cpu, mm, page);
  k.mms.nr_pmds[mm]!++;
  return add_table(k, cpu, mm, 2, pud_table, (page >>> 18) & 511);
}

/** L1 table of `page`, made if missing, with all above it. */
export function pte_alloc(k: Linux, cpu: number, mm: number, page: number): number {
  const old = table_of(k, mm, page, 1);
  if (old !== 0) return old;
  const pmd_table = pmd_alloc(k, cpu, mm, page);
  k.mms.nr_ptes[mm]!++;
  return add_table(k, cpu, mm, 1, pmd_table, (page >>> 9) & 511);
}

/** A new table of `level`, that entry `slot` of `upper` leads to. */
function add_table(k: Linux, cpu: number, mm: number, level: 1 | 2, upper: number, slot: number): number {
  const { pv } = k;
  const table = k.pages.alloc_table();
  if (pv.hook_new_table?.(cpu, level, table, upper, slot, _PAGE_TABLE) === true) return table;
  k.memory.clear_page(mfn(table));
  pv.alloc_table(cpu, mm, level, table);
  if (level === 1) pv.set_pmd(cpu, mm, upper, slot, table, _PAGE_TABLE);
  else pv.set_pud(cpu, mm, upper, slot, table, _PAGE_TABLE);
  return table;
}

/** A cleared table page. */
export function new_table(k: Linux): number {
  const table = k.pages.alloc_table();
  k.memory.clear_page(mfn(table));
  return table;
}
