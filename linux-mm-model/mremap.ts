/**
 * mremap: a mapping grown, shrunk or moved with its pages.
 *
 * Mirrors: sys_mremap(), move_vma(), move_page_tables(), move_normal_pud(), move_normal_pmd(), move_ptes(), mm/mremap.c.
 */
import { anon_vma_clone } from "./anon-vma.js";
import { populate_range } from "./fault.js";
import { EINVAL, ENOMEM } from "../abi/errno.js";
import type { Linux } from "./linux.js";
import { do_munmap, insert_vma, mmap_region, split_at, vma_merge } from "./mmap.js";
import { PMD_PAGES, pmd_alloc, pte_alloc, pte_present, pud_alloc, PUD_PAGES, table_of } from "./pgtable.js";
import { call_rcu } from "./rcu.js";
import { NO_FILE, NO_VMA, VM_LOCKED } from "./vma.js";
import { _PAGE_TABLE } from "./xen/prot.js";

/**
 * Resize [old, old + oldPages) to `newPages`, at `to` if the caller has chosen another place. Returns the first page,
 * or -EINVAL, -ENOMEM.
 */
export function do_mremap(
  k: Linux,
  cpu: number,
  mm: number,
  old: number,
  oldPages: number,
  newPages: number,
  to: number,
): number {
  const { vmas, mms } = k;
  if (newPages <= 0) return -EINVAL;
  const vma = vmas.find_vma(mms.vma_root[mm]!, old);
  if (vma === NO_VMA || vmas.start[vma]! > old) return -EINVAL;
  let pages = oldPages;
  if (to !== old) do_munmap(k, cpu, mm, to, to + newPages);
  if (newPages < pages) {
    do_munmap(k, cpu, mm, old + newPages, old + pages);
    pages = newPages;
  }
  if (to === old) return newPages === pages ? old : expand(k, cpu, mm, old, pages, newPages);
  return move_vma(k, cpu, mm, old, pages, newPages, to);
}

/** Grow in place, where there is room. */
function expand(k: Linux, cpu: number, mm: number, old: number, pages: number, newPages: number): number {
  const { vmas, mms } = k;
  const vma = vmas.find_vma(mms.vma_root[mm]!, old);
  const behind = vmas.find_vma(mms.vma_root[mm]!, old + pages);
  if (behind !== NO_VMA && vmas.start[behind]! < old + newPages) return -ENOMEM;
  const [flags, file] = [vmas.flags[vma]!, vmas.file[vma]!];
  const pgoff = vmas.pgoff[vma]! + old + pages - vmas.start[vma]!;
  mmap_region(k, cpu, mm, { start: old + pages, pages: newPages - pages, flags, file, pgoff });
  return old;
}

function move_vma(
  k: Linux,
  cpu: number,
  mm: number,
  old: number,
  pages: number,
  newPages: number,
  to: number,
): number {
  const { vmas, mms } = k;
  split_at(k, mm, old, old + pages);
  const vma = vmas.find_vma(mms.vma_root[mm]!, old);
  const [flags, file] = [vmas.flags[vma]!, vmas.file[vma]!];
  const [anon, chain] = [vmas.anon_vma[vma]!, vmas.anon_chain[vma]!];
  // an anonymous VMA without pages starts afresh; with pages it keeps the offsets of where it was
  const pgoff = file === NO_FILE && anon === 0 ? to : vmas.pgoff[vma]!;
  let target = vma_merge(k, mm, to, to + newPages, flags, file, pgoff, anon, chain);
  if (target === NO_VMA) {
    target = vmas.vm_area_alloc(to, to + newPages, flags, file, pgoff);
    insert_vma(k, mm, target);
  }
  anon_vma_clone(k, target, anon, chain);
  call_rcu(k, cpu);
  move_page_tables(k, cpu, mm, old, to, pages);
  do_munmap(k, cpu, mm, old, old + pages);
  if ((flags & VM_LOCKED) !== 0) populate_range(k, cpu, mm, to + pages, to + newPages);
  return to;
}

/** Whole L2 and L1 tables where both ends allow it, PTEs elsewhere. */
export function move_page_tables(
  k: Linux,
  cpu: number,
  mm: number,
  from: number,
  to: number,
  pages: number,
): void {
  const end = from + pages;
  for (let old = from, next = to, extent = 0; old < end; old += extent, next += extent) {
    extent = get_extent(PUD_PAGES, old, end, next);
    const old_pmds = table_of(k, mm, old, 2);
    if (old_pmds === 0) continue;
    pud_alloc(k, cpu, mm, next);
    if (extent === PUD_PAGES && move_normal_pud(k, cpu, mm, old, next, old_pmds)) continue;
    extent = get_extent(PMD_PAGES, old, end, next);
    const table = table_of(k, mm, old, 1);
    if (table === 0) continue;
    pmd_alloc(k, cpu, mm, next);
    if (extent === PMD_PAGES && move_normal_pmd(k, cpu, mm, old, next, table)) continue;
    move_ptes(k, cpu, mm, table, old, next, extent);
  }
}

/** Pages up to the next border of `span` pages, at the old or the new place, or to the end. */
function get_extent(span: number, old: number, end: number, next: number): number {
  return Math.min(span - (old % span), end - old, span - (next % span));
}

/**
 * Hook a whole L2 table elsewhere; false if there is one already. On the way it is announced as a new table of the
 * address space, which it is no more than a pinned table is pinned again.
 */
function move_normal_pud(
  k: Linux,
  cpu: number,
  mm: number,
  old: number,
  next: number,
  table: number,
): boolean {
  if (table_of(k, mm, next, 2) !== 0) return false;
  k.pv.set_pud(cpu, mm, table_of(k, mm, old, 3), (old >>> 18) & 511, 0, 0);
  k.pv.alloc_table(cpu, mm, 2, table); // pud_populate()
  k.pv.set_pud(cpu, mm, table_of(k, mm, next, 3), (next >>> 18) & 511, table, _PAGE_TABLE);
  k.pv.flush_tlb_mm_range(cpu, mm, old, old + PUD_PAGES);
  return true;
}

/** The same for an L1 table. */
function move_normal_pmd(
  k: Linux,
  cpu: number,
  mm: number,
  old: number,
  next: number,
  table: number,
): boolean {
  if (table_of(k, mm, next, 1) !== 0) return false;
  k.pv.set_pmd(cpu, mm, table_of(k, mm, old, 2), (old >>> 9) & 511, 0, 0);
  k.pv.alloc_table(cpu, mm, 1, table); // pmd_populate()
  k.pv.set_pmd(cpu, mm, table_of(k, mm, next, 2), (next >>> 9) & 511, table, _PAGE_TABLE);
  k.pv.flush_tlb_mm_range(cpu, mm, old, old + PMD_PAGES);
  return true;
}

function move_ptes(
  k: Linux,
  cpu: number,
  mm: number,
  table: number,
  old: number,
  next: number,
  extent: number,
): void {
  const { memory } = k;
  const target = pte_alloc(k, cpu, mm, next);
  let force_flush = false;
  k.pv.arch_enter_lazy_mmu_mode(cpu);
  for (let i = 0; i < extent; i++) {
    const slot = (old + i) & (PMD_PAGES - 1);
    const flags = memory.flags(table, slot);
    if (flags === 0) continue;
    const pfn = memory.frame(table, slot);
    k.pv.ptep_get_and_clear(cpu, mm, table, slot);
    if (pte_present(flags)) force_flush = true;
    k.pv.set_pte(cpu, mm, target, (next + i) & (PMD_PAGES - 1), pfn, flags);
  }
  k.pv.arch_leave_lazy_mmu_mode(cpu);
  if (force_flush) k.pv.flush_tlb_mm_range(cpu, mm, old, old + extent);
}
