/**
 * madvise: pages dropped, marked as droppable, or brought in.
 *
 * Mirrors: madvise_dontneed_single_vma(), madvise_free_pte_range(), madvise_populate(), mm/madvise.c.
 * Differs: WILLNEED reads nothing, as all files are cached.
 */
import { EINVAL, type Rc } from "../abi/errno.js";
import { _PAGE_ACCESSED, _PAGE_DIRTY } from "../abi/page.js";
import { populate_range } from "./fault.js";
import { lru_add_drain } from "./lru.js";
import type { Linux } from "./linux.js";
import { PMD_PAGES, pte_present, table_of } from "./pgtable.js";
import { is_anon } from "./rmap.js";
import { tlb_adjust, tlb_finish_mmu, tlb_gather_mmu, unmap_page_range } from "./unmap.js";
import { NO_FILE, NO_VMA, VM_LOCKED } from "./vma.js";

export const MADV_WILLNEED = 3;
export const MADV_DONTNEED = 4;
export const MADV_FREE = 8;
export const MADV_POPULATE_READ = 22;
export const MADV_POPULATE_WRITE = 23;

/** Apply `advice` to [start, end). Advice that changes no PTE is taken, and does nothing. */
export function do_madvise(
  k: Linux,
  cpu: number,
  mm: number,
  start: number,
  end: number,
  advice: number,
): Rc {
  const { vmas, mms } = k;
  if (end < start) return -EINVAL;
  if (advice === MADV_POPULATE_READ || advice === MADV_POPULATE_WRITE) {
    populate_range(k, cpu, mm, start, end, advice === MADV_POPULATE_WRITE);
    return 0;
  }
  if (advice !== MADV_DONTNEED && advice !== MADV_FREE) return 0;
  for (let at = start; at < end;) {
    const vma = vmas.find_vma(mms.vma_root[mm]!, at);
    if (vma === NO_VMA || vmas.start[vma]! >= end) break;
    const from = Math.max(at, vmas.start[vma]!);
    const to = Math.min(end, vmas.end[vma]!);
    at = to;
    if ((vmas.flags[vma]! & VM_LOCKED) !== 0) return -EINVAL;
    lru_add_drain(k, cpu);
    tlb_gather_mmu(k, cpu, mm, false);
    if (advice === MADV_DONTNEED) unmap_page_range(k, cpu, mm, from, to);
    else if (vmas.file[vma] === NO_FILE) free_range(k, cpu, mm, from, to);
    tlb_finish_mmu(k, cpu);
  }
  return 0;
}

/** Anonymous pages become clean and old, so that they may be taken. */
function free_range(k: Linux, cpu: number, mm: number, start: number, end: number): void {
  const { memory } = k;
  for (let page = start; page < end;) {
    const next = Math.min(end, (Math.floor(page / PMD_PAGES) + 1) * PMD_PAGES);
    const table = table_of(k, mm, page, 1);
    if (table === 0) {
      page = next;
      continue;
    }
    k.pv.arch_enter_lazy_mmu_mode(cpu);
    for (; page < next; page++) {
      const slot = page & (PMD_PAGES - 1);
      const flags = memory.flags(table, slot);
      const pfn = memory.frame(table, slot);
      if (!pte_present(flags) || !is_anon(k, pfn) || (flags & (_PAGE_ACCESSED | _PAGE_DIRTY)) === 0) continue;
      k.pv.ptep_get_and_clear(cpu, mm, table, slot);
      k.pv.set_pte(cpu, mm, table, slot, pfn, flags & ~(_PAGE_ACCESSED | _PAGE_DIRTY));
      tlb_adjust(k, cpu, page);
    }
    k.pv.arch_leave_lazy_mmu_mode(cpu);
  }
}
