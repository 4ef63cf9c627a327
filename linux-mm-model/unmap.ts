/**
 * Taking mappings away: PTEs, then tables that nothing maps any more, then the flush.
 *
 * A table is freed when the gap between the neighbouring VMAs covers all that it maps: a page alone in its 512 GiB
 * slot, once unmapped, clears the L4 entry.
 *
 * Mirrors: unmap_vmas(), zap_pte_range(), free_pgtables(), free_pgd_range() to free_pte_range(), mm/memory.c;
 *          struct mmu_gather, mm/mmu_gather.c.
 * Differs: freed frames are reusable at once instead of after the flush and RCU: nothing runs in between.
 *          A batch is never too full to be extended.
 */
import type { State } from "../abi/state.js";
import { _PAGE_DIRTY } from "../abi/page.js";
import type { Linux } from "./linux.js";
import { P4D_PAGES, PMD_PAGES, pte_present, PUD_PAGES, table_of } from "./pgtable.js";
import { is_anon, page_remove_rmap } from "./rmap.js";
import { TLB_FLUSH_ALL } from "./xen/flush-tlb.js";

/**
 * What an unmapping collects until its flush: struct mmu_gather.
 *
 * Shape: nrCpus rows: start, end Float64Array  pages that must be flushed; fullmm, freed_tables Uint8Array
 */
export class MmuGather {
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly fullmm: Uint8Array;
  readonly freed_tables: Uint8Array;

  constructor(state: State, nrCpus: number) {
    this.start = state.f64(nrCpus);
    this.end = state.f64(nrCpus);
    this.fullmm = state.u8(nrCpus);
    this.freed_tables = state.u8(nrCpus);
  }
}

/** Begin to collect. Mirrors: tlb_gather_mmu(), tlb_gather_mmu_fullmm(). */
export function tlb_gather_mmu(k: Linux, cpu: number, fullmm: boolean): void {
  k.gather.fullmm[cpu] = fullmm ? 1 : 0;
  reset_range(k, cpu);
}

/** Flush what was collected. */
export function tlb_finish_mmu(k: Linux, cpu: number, mm: number): void {
  const { gather } = k;
  if (gather.end[cpu] === 0 && gather.freed_tables[cpu] === 0) return;
  if (gather.fullmm[cpu] !== 0) k.pv.flush_tlb_mm_range(cpu, mm, 0, TLB_FLUSH_ALL, true);
  else k.pv.flush_tlb_mm_range(cpu, mm, gather.start[cpu]!, gather.end[cpu]!, gather.freed_tables[cpu] !== 0);
  reset_range(k, cpu);
}

function reset_range(k: Linux, cpu: number): void {
  k.gather.start[cpu] = Infinity;
  k.gather.end[cpu] = 0;
  k.gather.freed_tables[cpu] = 0;
}

/** Note that `page` must be flushed. Mirrors: __tlb_adjust_range(). */
export function tlb_adjust(k: Linux, cpu: number, page: number): void {
  const { gather } = k;
  if (page < gather.start[cpu]!) gather.start[cpu] = page;
  if (page + 1 > gather.end[cpu]!) gather.end[cpu] = page + 1;
}

/** Clear the PTEs of pages start..end-1. */
export function unmap_page_range(k: Linux, cpu: number, mm: number, start: number, end: number): void {
  for (let page = start; page < end;) {
    const p4d = (Math.floor(page / P4D_PAGES) + 1) * P4D_PAGES;
    if (table_of(k, mm, page, 3) === 0) {
      page = p4d;
      continue;
    }
    if (table_of(k, mm, page, 2) === 0) {
      page = (Math.floor(page / PUD_PAGES) + 1) * PUD_PAGES;
      continue;
    }
    const next = Math.min(end, (Math.floor(page / PMD_PAGES) + 1) * PMD_PAGES);
    const table = table_of(k, mm, page, 1);
    if (table !== 0) zap_pte_range(k, cpu, mm, table, page, next);
    page = next;
  }
}

function zap_pte_range(k: Linux, cpu: number, mm: number, table: number, start: number, end: number): void {
  const { memory, mms, gather } = k;
  const full = gather.fullmm[cpu] !== 0;
  let force_flush = false;
  k.pv.arch_enter_lazy_mmu_mode(cpu);
  for (let page = start; page < end; page++) {
    const slot = page & (PMD_PAGES - 1);
    const flags = memory.flags(table, slot);
    if (!pte_present(flags)) continue;
    const pfn = memory.frame(table, slot);
    if (full) k.pv.pte_clear_full(cpu, mm, table, slot);
    else k.pv.ptep_get_and_clear(cpu, mm, table, slot);
    tlb_adjust(k, cpu, page);
    if (pfn === k.image.zero_page[0]) continue;
    if (!is_anon(k, pfn) && (flags & _PAGE_DIRTY) !== 0) force_flush = true;
    mms.rss[mm]!--;
    page_remove_rmap(k, pfn);
  }
  k.pv.arch_leave_lazy_mmu_mode(cpu);
  // a dirty page of a file must be clean for everybody before its writer can see it as such
  if (force_flush && !full) tlb_finish_mmu(k, cpu, mm);
}

/**
 * Free the tables of [addr, end) that nothing between `floor`, the end of the VMA before, and `ceiling`, the start
 * of the VMA behind (Infinity for none), needs. Units: pages.
 */
export function free_pgd_range(
  k: Linux,
  cpu: number,
  mm: number,
  addr: number,
  end: number,
  floor: number,
  ceiling: number,
): void {
  let start = addr - (addr % PMD_PAGES);
  if (start < floor) start += PMD_PAGES;
  const top = ceiling === Infinity ? Infinity : ceiling - (ceiling % PMD_PAGES);
  if (top === 0) return;
  let last = end;
  if (last > top) last -= PMD_PAGES;
  if (start >= last) return;
  for (let at = start; at < last;) {
    const next = Math.min(last, (Math.floor(at / P4D_PAGES) + 1) * P4D_PAGES);
    if (table_of(k, mm, at, 3) !== 0) free_pud_range(k, cpu, mm, at, next, floor, top);
    at = next;
  }
}

function free_pud_range(
  k: Linux,
  cpu: number,
  mm: number,
  addr: number,
  end: number,
  floor: number,
  ceiling: number,
): void {
  for (let at = addr; at < end;) {
    const next = Math.min(end, (Math.floor(at / PUD_PAGES) + 1) * PUD_PAGES);
    if (table_of(k, mm, at, 2) !== 0) free_pmd_range(k, cpu, mm, at, next, floor, ceiling);
    at = next;
  }
  if (!covered(addr, end, P4D_PAGES, floor, ceiling)) return;
  const table = table_of(k, mm, addr, 3);
  k.pv.set_p4d(cpu, mm, Math.floor(addr / P4D_PAGES), 0, 0);
  free_table(k, cpu, mm, 3, table, addr - (addr % P4D_PAGES));
  k.mms.nr_puds[mm]!--;
}

function free_pmd_range(
  k: Linux,
  cpu: number,
  mm: number,
  addr: number,
  end: number,
  floor: number,
  ceiling: number,
): void {
  const pmd_table = table_of(k, mm, addr, 2);
  for (let at = addr; at < end;) {
    const next = Math.min(end, (Math.floor(at / PMD_PAGES) + 1) * PMD_PAGES);
    const table = table_of(k, mm, at, 1);
    if (table !== 0) {
      k.pv.set_pmd(cpu, mm, pmd_table, (at >>> 9) & 511, 0, 0);
      free_table(k, cpu, mm, 1, table, at);
      k.mms.nr_ptes[mm]!--;
    }
    at = next;
  }
  if (!covered(addr, end, PUD_PAGES, floor, ceiling)) return;
  k.pv.set_pud(cpu, mm, table_of(k, mm, addr, 3), (addr >>> 18) & 511, 0, 0);
  free_table(k, cpu, mm, 2, pmd_table, addr - (addr % PUD_PAGES));
  k.mms.nr_pmds[mm]!--;
}

/** Is all that an entry of `span` pages covers between floor and ceiling? */
function covered(addr: number, end: number, span: number, floor: number, ceiling: number): boolean {
  if (addr - (addr % span) < floor) return false;
  const top = ceiling === Infinity ? Infinity : ceiling - (ceiling % span);
  return top !== 0 && end <= top;
}

/** An unhooked table: no longer typed, then flushed, then free. */
function free_table(k: Linux, cpu: number, mm: number, level: number, table: number, page: number): void {
  k.pv.release_table(cpu, mm, level, table);
  tlb_adjust(k, cpu, page);
  k.gather.freed_tables[cpu] = 1;
  k.pages.put_page(table);
}
