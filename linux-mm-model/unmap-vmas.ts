/**
 * The PTEs of many VMAs taken away; those of a whole address space a table at a time.
 *
 * Where all of it goes, nobody sees the tables any more, and each PTE is a plain store: so the PTEs of a table are gone
 * through in one piece, whichever VMAs they are of, and emptied with one call. The plain form is unmap_page_range(), VMA by VMA;
 * test/machine/at-once.test.ts and test/linux-mm-model/unmap-vmas.test.ts hold the two equal, by Machine.equals().
 *
 * Mirrors: unmap_vmas(), mm/memory.c.
 */
import { eight_empty, WORDS_OF_8 } from "../abi/memory.js";
import { _PAGE_DIRTY } from "../abi/page.js";
import type { Linux } from "./linux.js";
import { P4D_PAGES, PMD_PAGES, pte_present, PUD_PAGES, table_of } from "./pgtable.js";
import { PG_anon } from "./struct-page.js";
import { MAX_GATHER_PAGES, tlb_adjust, tlb_flush_mmu, unmap_page_range } from "./unmap.js";

/**
 * PTEs of one table that are gone through, but still there.
 *
 *   pmd              which table: its first page / 512; NO_TABLE for none
 *   table            its frame, 0 where there is none, or it is not for here
 *   lowest, highest  first and last page that a PTE was found for; lowest is Infinity where none was
 *   zapped           pages that were mapped, the zero page apart
 *   sections         lazy sections that the plain form would have made
 */
export class ZapBatch {
  pmd = NO_TABLE;
  table = 0;
  lowest = Infinity;
  highest = 0;
  zapped = 0;
  sections = 0;

  begin(pmd: number, table: number): void {
    this.pmd = pmd;
    this.table = table;
    this.lowest = Infinity;
    this.highest = 0;
    this.zapped = 0;
    this.sections = 0;
  }
}

const NO_TABLE = -1;

/** Clear the PTEs of the first `n` VMAs of vmas.listed. */
export function unmap_vmas(k: Linux, cpu: number, mm: number, n: number): void {
  const { vmas } = k;
  const atOnce = k.at_once && k.gather.fullmm[cpu] !== 0 && k.pv.pte_clear_full_range !== undefined;
  for (let i = 0; i < n; i++) {
    const vma = vmas.listed[i]!;
    if (atOnce) unmap_full(k, cpu, mm, vmas.start[vma]!, vmas.end[vma]!);
    else unmap_page_range(k, cpu, mm, vmas.start[vma]!, vmas.end[vma]!);
  }
  if (atOnce) end_table(k, cpu, mm);
}

/** unmap_page_range() of one VMA; what it finds in its last table waits in the batch for the VMAs behind. */
function unmap_full(k: Linux, cpu: number, mm: number, start: number, end: number): void {
  const { zap, gather } = k;
  for (let page = start; page < end;) {
    const pmd = Math.floor(page / PMD_PAGES);
    if (pmd !== zap.pmd) {
      end_table(k, cpu, mm);
      const table = table_of(k, mm, page, 1);
      if (table === 0 && table_of(k, mm, page, 2) === 0) {
        const span = table_of(k, mm, page, 3) === 0 ? P4D_PAGES : PUD_PAGES;
        page = (Math.floor(page / span) + 1) * span;
        continue;
      }
      zap.begin(pmd, table);
    }
    const next = Math.min(end, (pmd + 1) * PMD_PAGES);
    if (zap.table !== 0) {
      if (zap.sections === 0 && gather.pages[cpu]! + PMD_PAGES >= MAX_GATHER_PAGES) {
        zap.pmd = NO_TABLE; // the gather may fill up among its pages
        unmap_page_range(k, cpu, mm, page, next);
      } else if (zap_ptes(k, page, next - page)) {
        end_table(k, cpu, mm);
        tlb_flush_mmu(k, cpu, mm);
      }
    }
    page = next;
  }
}

/**
 * The loop of zap_pte_range(), but for the emptying of the PTEs: `n` from `start` on, all of the batch's table. Returns whether a
 * dirty page of a file was among them.
 */
function zap_ptes(k: Linux, start: number, n: number): boolean {
  const { memory, pages, zap } = k;
  const { words } = memory;
  const { flags, mapcount, refcount } = pages;
  const zero_page = k.image.zero_page[0]! | 0;
  const first = memory.at(zap.table, start & (PMD_PAGES - 1));
  const end = first + 2 * n;
  let lowest = -1;
  let highest = -1;
  let zapped = 0;
  let ofFiles = 0; // flags of PTEs that map pages of files
  for (let at = first; at < end; at += 2) {
    const pte = words[at + 1]! | 0; // with a frame below 2^31: it is the guest's
    if (pte === 0 && (at & (WORDS_OF_8 - 1)) === 0 && at + WORDS_OF_8 <= end && eight_empty(words, at))
      at += WORDS_OF_8 - 2;
    if (!pte_present(pte)) continue;
    if (lowest < 0) lowest = at;
    highest = at;
    const pfn = words[at]! | 0;
    if (pfn === zero_page) continue;
    zapped++;
    if ((flags[pfn]! & PG_anon) === 0) {
      ofFiles |= pte;
      continue;
    }
    mapcount[pfn] = mapcount[pfn]! - 1;
    if (refcount[pfn]! > 1) refcount[pfn] = refcount[pfn]! - 1;
    else pages.put_page(pfn);
  }
  zap.sections++;
  if (lowest < 0) return false;
  zap.lowest = Math.min(zap.lowest, start + (lowest - first) / 2);
  zap.highest = start + (highest - first) / 2;
  zap.zapped += zapped;
  return (ofFiles & _PAGE_DIRTY) !== 0;
}

/** Empty what the batch has found, and forget its table. */
function end_table(k: Linux, cpu: number, mm: number): void {
  const { zap, gather, mms } = k;
  const { table, lowest, highest } = zap;
  zap.pmd = NO_TABLE;
  if (zap.sections === 0) return;
  lazy_sections(k, cpu, zap.sections);
  zap.sections = 0;
  if (lowest > highest) return;
  const slot = lowest & (PMD_PAGES - 1);
  k.pv.pte_clear_full_range!(cpu, mm, table, slot, slot + highest + 1 - lowest);
  tlb_adjust(k, cpu, lowest);
  tlb_adjust(k, cpu, highest);
  mms.rss[mm]! -= zap.zapped;
  gather.pages[cpu]! += zap.zapped;
}

/** `n` lazy sections in which nothing is queued: the first may issue what was queued before, the second stands for the rest. */
function lazy_sections({ pv, ledger }: Linux, cpu: number, n: number): void {
  const { times } = ledger;
  pv.arch_enter_lazy_mmu_mode(cpu);
  pv.arch_leave_lazy_mmu_mode(cpu);
  if (n === 1) return;
  ledger.times = times * (n - 1);
  pv.arch_enter_lazy_mmu_mode(cpu);
  pv.arch_leave_lazy_mmu_mode(cpu);
  ledger.times = times;
}
