/**
 * mremap: a mapping grown, shrunk or moved with its pages.
 *
 * Mirrors: sys_mremap(), move_vma(), move_page_tables(), move_normal_pmd(), move_ptes(), mm/mremap.c.
 * Differs: whole L3 tables are not moved (move_normal_pud() needs 1 GiB alignment on both sides): their L2 entries are.
 */
import { EINVAL, ENOMEM } from "../abi/errno.js";
import type { Linux } from "./linux.js";
import { do_munmap, insert_vma, mmap_region, split_at, vma_merge } from "./mmap.js";
import { PMD_PAGES, pmd_alloc, pte_alloc, pte_present, table_of } from "./pgtable.js";
import { NO_FILE, NO_VMA } from "./vma.js";
import { _PAGE_TABLE } from "./xen/prot.js";
import { _PAGE_PRESENT } from "../abi/page.js";

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
  const [flags, file, anon] = [vmas.flags[vma]!, vmas.file[vma]!, vmas.anon_vma[vma]!];
  // an anonymous VMA without pages starts afresh; with pages it keeps the offsets of where it was
  const pgoff = file === NO_FILE && anon === 0 ? to : vmas.pgoff[vma]!;
  let target = vma_merge(k, mm, to, to + newPages, flags, file, pgoff);
  if (target === NO_VMA) {
    target = vmas.vm_area_alloc(to, to + newPages, flags, file, pgoff);
    insert_vma(k, mm, target);
  }
  vmas.anon_vma[target]! |= anon;
  move_page_tables(k, cpu, mm, old, to, pages);
  do_munmap(k, cpu, mm, old, old + pages);
  return to;
}

function move_page_tables(k: Linux, cpu: number, mm: number, from: number, to: number, pages: number): void {
  for (let done = 0; done < pages;) {
    const old = from + done;
    const next = to + done;
    const extent = Math.min(pages - done, PMD_PAGES - (old % PMD_PAGES), PMD_PAGES - (next % PMD_PAGES));
    const table = table_of(k, mm, old, 1);
    if (table !== 0) {
      if (extent === PMD_PAGES) move_normal_pmd(k, cpu, mm, old, next, table);
      else move_ptes(k, cpu, mm, table, old, next, extent);
    }
    done += extent;
  }
}

/** Hook a whole L1 table elsewhere, if nothing is there yet. */
function move_normal_pmd(k: Linux, cpu: number, mm: number, old: number, next: number, table: number): void {
  const { memory } = k;
  const pmd_table = pmd_alloc(k, cpu, mm, next);
  const slot = (next >>> 9) & 511;
  if ((memory.flags(pmd_table, slot) & _PAGE_PRESENT) !== 0) {
    move_ptes(k, cpu, mm, table, old, next, PMD_PAGES);
    return;
  }
  k.pv.set_pmd(cpu, mm, table_of(k, mm, old, 2), (old >>> 9) & 511, 0, 0);
  k.pv.set_pmd(cpu, mm, pmd_table, slot, table, _PAGE_TABLE);
  k.pv.flush_tlb_mm_range(cpu, mm, old, old + PMD_PAGES, true);
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
  if (force_flush) k.pv.flush_tlb_mm_range(cpu, mm, old, old + extent, false);
}
