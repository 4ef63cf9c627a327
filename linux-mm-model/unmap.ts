/**
 * Taking mappings away: PTEs, then tables that nothing maps any more, then the flush.
 *
 * A table is freed when the gap between the neighbouring VMAs covers all that it maps: a page alone in its 512 GiB
 * slot, once unmapped, clears the L4 entry.
 *
 * Mirrors: unmap_page_range(), zap_pte_range(), free_pgtables(), free_pgd_range() to free_pte_range(), mm/memory.c;
 *          struct mmu_gather, mm/mmu_gather.c.
 * Differs: freed pages of data are reusable at once instead of after the flush, and tables right after it instead of after
 *          RCU too: nothing runs in between, and the checker has no lockless walker.
 */
import { BLOCKED, NEXT, path, runPath, step } from "../abi/path.js";
import type { State } from "../abi/state.js";
import { _PAGE_DIRTY, LEVEL_PAGES } from "../abi/page.js";
import type { Linux } from "./linux.js";
import { P4D_PAGES, PMD_PAGES, pte_present, PUD_PAGES, table_of } from "./pgtable.js";
import { is_anon, page_remove_rmap } from "./rmap.js";
import { TLB_FLUSH_ALL } from "./xen/flush-tlb.js";

/** Pages that a gather holds before they must be freed: 8 in itself and 19 batches of 510. Mirrors: mmu_gather.c. */
export const MAX_GATHER_PAGES = 8 + 19 * 510;
/** Tables that wait for their flush together. Mirrors: MAX_TABLE_BATCH. */
const MAX_TABLE_BATCH = 509;

/**
 * What an unmapping collects until its flush: struct mmu_gather.
 *
 * Shape: nrCpus rows.
 *   start, end  Float64Array  pages that must be flushed
 *   cleared     Uint8Array    bit n: entries of level n + 1 were cleared (cleared_ptes..cleared_p4ds)
 *   fullmm      Uint8Array    all of the address space goes
 *   pages, tables  Uint32Array  pages and tables that wait to be freed
 *   batch, last    Int32Array   first and last of these tables, linked by PageTable.next; 0 for none
 *   mm             Int32Array   whose
 */
export class MmuGather {
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly cleared: Uint8Array;
  readonly fullmm: Uint8Array;
  readonly pages: Uint32Array;
  readonly tables: Uint32Array;
  readonly batch: Int32Array;
  readonly last: Int32Array;
  readonly mm: Int32Array;

  constructor(state: State, nrCpus: number) {
    this.start = state.f64(nrCpus);
    this.end = state.f64(nrCpus);
    this.cleared = state.u8(nrCpus);
    this.fullmm = state.u8(nrCpus);
    this.pages = state.u32(nrCpus);
    this.tables = state.u32(nrCpus);
    this.batch = state.i32(nrCpus);
    this.last = state.i32(nrCpus);
    this.mm = state.i32(nrCpus);
  }
}

/** Begin to collect. Mirrors: tlb_gather_mmu(), tlb_gather_mmu_fullmm(). */
export function tlb_gather_mmu(k: Linux, cpu: number, mm: number, fullmm: boolean): void {
  const { gather } = k;
  k.mms.tlb_flush_pending[mm]!++;
  gather.mm[cpu] = mm;
  gather.fullmm[cpu] = fullmm ? 1 : 0;
  gather.pages[cpu] = 0;
  gather.tables[cpu] = 0;
  reset_range(k, cpu);
}

/**
 * Flush what was collected, free it, and end. Where another gather of the mm is open, its PTEs may be gone already though
 * its flush is not made, so all is flushed, whatever was collected here.
 */
export const tlb_finish_mmu_path = path<Linux>("tlb_finish_mmu", [
  step("flush_tlb_mm_range", (k, cpu) => {
    const { gather, mms } = k;
    const mm = gather.mm[cpu]!;
    if (mms.tlb_flush_pending[mm]! > 1) {
      gather.fullmm[cpu] = 1;
      gather.cleared[cpu]! |= 1;
    }
    tlb_flush_mmu_tlbonly(k, cpu, mm);
    return NEXT;
  }),
  step("tlb_table_flush", (k, cpu) => {
    k.gather.pages[cpu] = 0;
    tlb_table_flush(k, cpu);
    k.mms.tlb_flush_pending[k.gather.mm[cpu]!]!--;
    return NEXT;
  }),
]);

export function tlb_finish_mmu(k: Linux, cpu: number): void {
  runPath(tlb_finish_mmu_path, k, cpu);
}

/** Flush and free, and go on collecting. */
export function tlb_flush_mmu(k: Linux, cpu: number, mm: number): void {
  tlb_flush_mmu_tlbonly(k, cpu, mm);
  k.gather.pages[cpu] = 0;
  tlb_table_flush(k, cpu);
}

/** The tables that waited for the flush are free. Mirrors: tlb_table_flush(), mmu_gather.c. */
function tlb_table_flush(k: Linux, cpu: number): void {
  const { gather, pages } = k;
  for (let table = gather.batch[cpu]!; table !== 0;) {
    const next = pages.next[table]!;
    pages.put_page(table);
    table = next;
  }
  gather.batch[cpu] = 0;
  gather.tables[cpu] = 0;
}

/**
 * Flush what was collected, if anything was. Where only tables were taken away, one page is flushed for each: the
 * stride is what the lowest entry that was cleared covers.
 *
 * Mirrors: tlb_flush_mmu_tlbonly(), tlb_get_unmap_shift(), asm-generic/tlb.h; tlb_flush(), arch/x86/include/asm/tlb.h.
 */
function tlb_flush_mmu_tlbonly(k: Linux, cpu: number, mm: number): void {
  const { gather } = k;
  const cleared = gather.cleared[cpu]!;
  if (cleared === 0) return;
  const stride = LEVEL_PAGES[31 - Math.clz32(cleared & -cleared) + 1]!;
  const full = gather.fullmm[cpu] !== 0;
  const start = full ? 0 : gather.start[cpu]!;
  const end = full ? TLB_FLUSH_ALL : gather.end[cpu]!;
  reset_range(k, cpu);
  k.pv.flush_tlb_mm_range(cpu, mm, start, end, stride);
}

function reset_range(k: Linux, cpu: number): void {
  k.gather.start[cpu] = Infinity;
  k.gather.end[cpu] = 0;
  k.gather.cleared[cpu] = 0;
}

/** Note that an entry of `level` was cleared, and `page` must be flushed. Mirrors: tlb_flush_pte_range() and its kin. */
export function tlb_adjust(k: Linux, cpu: number, page: number, level = 1): void {
  const { gather } = k;
  gather.cleared[cpu]! |= 1 << (level - 1);
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
  const first = start - (start & (PMD_PAGES - 1));
  const last = end - first;
  // pte_none() of all that is passed over
  for (let slot = start - first; (slot = memory.next_used(table, slot, last)) < last; slot++) {
    const page = first + slot;
    const flags = memory.flags(table, slot);
    if (!pte_present(flags)) continue;
    const pfn = memory.frame(table, slot);
    if (full) k.pv.pte_clear_full(cpu, mm, table, slot);
    else k.pv.ptep_get_and_clear(cpu, mm, table, slot);
    tlb_adjust(k, cpu, page);
    if (pfn === k.image.zero_page[0]) continue;
    // a dirty page of a file must be clean for everybody before its writer can see it as such
    if (!is_anon(k, pfn) && (flags & _PAGE_DIRTY) !== 0) force_flush = true;
    mms.rss[mm]!--;
    page_remove_rmap(k, pfn);
    if (++gather.pages[cpu]! < MAX_GATHER_PAGES) continue;
    // no batch has room: free what there is, and go on in a lazy section of its own
    k.pv.arch_leave_lazy_mmu_mode(cpu);
    tlb_flush_mmu(k, cpu, mm);
    force_flush = false;
    if (page + 1 < end) zap_pte_range(k, cpu, mm, table, page + 1, end);
    return;
  }
  k.pv.arch_leave_lazy_mmu_mode(cpu);
  if (force_flush) tlb_flush_mmu(k, cpu, mm);
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
  let start = addr - (addr & (PMD_PAGES - 1));
  if (start < floor) start += PMD_PAGES;
  const top = ceiling === Infinity ? Infinity : ceiling - (ceiling & (PMD_PAGES - 1));
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
  k.pud.mm[cpu] = mm;
  k.pud.page[cpu] = addr - (addr & (P4D_PAGES - 1));
  runPath(free_pud_range_path, k, cpu);
}

/** Take an L3 out of its top-level slot; pud.mm and pud.page are the arguments. It is freed behind the flush. */
export const free_pud_range_path = path<Linux>("free_pud_range", [
  step("p4d_clear", (k, cpu) => {
    const { pud, mms } = k;
    const mm = pud.mm[cpu]!;
    const page = pud.page[cpu]!;
    // 6.1 takes no lock here; a design with replicas needs one, against the synchronisation of the same slot
    if (!k.top.loadsReference && !mms.lock_page_table(mm, cpu)) return BLOCKED;
    pud.table[cpu] = table_of(k, mm, page, 3);
    k.pv.set_p4d(cpu, mm, Math.floor(page / P4D_PAGES), 0, 0);
    return NEXT;
  }),
  step("spin_unlock(page_table_lock)", (k, cpu) => {
    if (!k.top.loadsReference) k.mms.unlock_page_table(k.pud.mm[cpu]!);
    return NEXT;
  }),
  step("paravirt_release_pud", (k, cpu) => {
    k.pv.release_table(cpu, k.pud.mm[cpu]!, 3, k.pud.table[cpu]!);
    return NEXT;
  }),
  step("pud_free_tlb", (k, cpu) => {
    const { pud, mms } = k;
    tlb_remove_table(k, cpu, 3, pud.table[cpu]!, pud.page[cpu]!);
    mms.nr_puds[pud.mm[cpu]!]!--;
    return NEXT;
  }),
]);

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
  free_table(k, cpu, mm, 2, pmd_table, addr - (addr & (PUD_PAGES - 1)));
  k.mms.nr_pmds[mm]!--;
}

/** Is all that an entry of `span` pages covers between floor and ceiling? */
function covered(addr: number, end: number, span: number, floor: number, ceiling: number): boolean {
  if (addr - (addr & (span - 1)) < floor) return false;
  const top = ceiling === Infinity ? Infinity : ceiling - (ceiling & (span - 1));
  return top !== 0 && end <= top;
}

/** An unhooked table: no longer typed, then flushed, then free. Mirrors: pte_free_tlb() to pud_free_tlb(). */
function free_table(k: Linux, cpu: number, mm: number, level: number, table: number, page: number): void {
  k.pv.release_table(cpu, mm, level, table);
  tlb_remove_table(k, cpu, level, table, page);
}

function tlb_remove_table(k: Linux, cpu: number, level: number, table: number, page: number): void {
  const { gather, pages } = k;
  tlb_adjust(k, cpu, page, level + 1);
  pages.next[table] = 0;
  if (gather.batch[cpu] === 0) gather.batch[cpu] = table;
  else pages.next[gather.last[cpu]!] = table;
  gather.last[cpu] = table;
  if (++gather.tables[cpu]! < MAX_TABLE_BATCH) return;
  tlb_flush_mmu_tlbonly(k, cpu, gather.mm[cpu]!);
  tlb_table_flush(k, cpu);
}
