/**
 * Kernel memory that is mapped page by page: kernel stacks, and tables too large for the page allocator.
 *
 * Each page is one PTE of the kernel, set by one hypercall; taking it away is one instruction on a pinned table, which
 * traps. The array of page pointers of a large area is such memory itself.
 *
 * Mirrors: __vmalloc_area_node(), vmap_small_pages_range_noflush(), vunmap_range_noflush(), mm/vmalloc.c.
 * Differs: a freed area is used again for one of its size at once; areas are never purged, and never flushed for.
 *          The L1 tables of the first BOOT_TABLES * 2 MiB are there from boot.
 */
import { mfn } from "../abi/frames.js";
import { LINUX_VMALLOC_FIRST_SLOT } from "../abi/layout.js";
import { _PAGE_PRESENT } from "../abi/page.js";
import type { State } from "../abi/state.js";
import type { Linux } from "./linux.js";
import { INIT_MM } from "./mm-struct.js";
import { _KERNPG_TABLE, PAGE_KERNEL } from "./xen/prot.js";

export const NO_AREA = -1;

/** L1 tables that boot has left. */
export const BOOT_TABLES = 16;
/** Pages of pointers that one page holds. */
const POINTERS = 512;
/** An area ends with a page that is never mapped. */
const GUARD = 1;

/** Chains of freed areas: one for the sizes from each power of two, most of which are such themselves. */
const SIZES = 32;

/**
 * struct vm_struct.
 *
 * Shape: `max` rows.
 *   start  Uint32Array  first page, counted from the start of the vmalloc area
 *   pages  Uint32Array  pages mapped
 *   array  Int32Array   area of the array of page pointers, NO_AREA if that is smaller than a page
 *   link   Uint32Array  of a free row: the one that was freed before it, plus 1; or 0
 *   free   Uint32Array  [SIZES] the row of such a size that was freed last, plus 1; or 0
 *   next   Uint32Array  [0] first row never used, [1] first page never used
 */
export class VmapTable {
  readonly start: Uint32Array;
  readonly pages: Uint32Array;
  readonly array: Int32Array;
  private readonly link: Uint32Array;
  private readonly free: Uint32Array;
  private readonly next: Uint32Array;

  constructor(
    state: State,
    readonly max: number,
  ) {
    this.start = state.u32(max);
    this.pages = state.u32(max);
    this.array = state.i32(max);
    this.link = state.u32(max);
    this.free = state.u32(SIZES);
    this.next = state.u32(2);
  }

  /** A row for `pages` pages that nothing maps: one that was freed, or a new one. */
  alloc(pages: number): number {
    const freed = this.take(pages);
    if (freed !== NO_AREA) return freed;
    const row = this.next[0]!;
    if (row >= this.max) throw new RangeError(`VmapTable: ${this.max} areas are in use; raise maxTasks`);
    this.next[0] = row + 1;
    this.start[row] = this.next[1]!;
    this.next[1]! += pages + GUARD;
    this.pages[row] = pages;
    return row;
  }

  /** The row of `pages` pages that was freed last, off its chain, or NO_AREA. */
  private take(pages: number): number {
    const { link, free } = this;
    const size = sizeOf(pages);
    let before = NO_AREA;
    for (let row = free[size]! - 1; row >= 0; row = link[row]! - 1) {
      if (this.pages[row] === pages) {
        if (before === NO_AREA) free[size] = link[row]!;
        else link[before] = link[row]!;
        link[row] = 0;
        return row;
      }
      before = row;
    }
    return NO_AREA;
  }

  /** Nothing maps the pages of `row` any more. */
  put(row: number): void {
    const size = sizeOf(this.pages[row]!);
    this.link[row] = this.free[size]!;
    this.free[size] = row + 1;
  }
}

/** The chain of areas of so many pages. */
function sizeOf(pages: number): number {
  return 31 - Math.clz32(pages);
}

/** Map `pages` fresh pages. Returns the area. */
export function vmalloc(k: Linux, cpu: number, pages: number): number {
  const { vmaps } = k;
  const area = vmaps.alloc(pages);
  vmaps.array[area] = pages > POINTERS ? vmalloc(k, cpu, Math.ceil(pages / POINTERS)) : NO_AREA;
  const first = vmaps.start[area]!;
  for (let page = first; page < first + pages; page++) {
    const table = kernel_pte_alloc(k, cpu, page);
    k.pv.set_pte(cpu, INIT_MM, table, page & (k.config.ptes - 1), k.pages.alloc_page(), PAGE_KERNEL);
  }
  return area;
}

/** Unmap and free `area`. */
export function vfree(k: Linux, cpu: number, area: number): void {
  const { vmaps, memory, pages } = k;
  const first = vmaps.start[area]!;
  for (let page = first; page < first + vmaps.pages[area]!; page++) {
    const table = kernel_table(k, page);
    const slot = page & (k.config.ptes - 1);
    const pfn = memory.frame(table, slot);
    k.pv.ptep_get_and_clear(cpu, INIT_MM, table, slot);
    pages.put_page(pfn);
  }
  vmaps.put(area);
  if (vmaps.array[area] !== NO_AREA) vfree(k, cpu, vmaps.array[area]!);
}

/** L1 table of page `page` of the area, 0 if there is none. */
function kernel_table(k: Linux, page: number): number {
  const { memory, mms } = k;
  const { ptes } = k.config;
  const l3 = memory.frame(mms.pgd[INIT_MM]!, LINUX_VMALLOC_FIRST_SLOT);
  const slot3 = Math.floor(page / (ptes * ptes));
  if ((memory.flags(l3, slot3) & _PAGE_PRESENT) === 0) return 0;
  const l2 = memory.frame(l3, slot3);
  const slot2 = Math.floor(page / ptes) & (ptes - 1);
  return (memory.flags(l2, slot2) & _PAGE_PRESENT) === 0 ? 0 : memory.frame(l2, slot2);
}

/** As kernel_table(), with tables that are missing made. Mirrors: pmd_alloc_track(), pte_alloc_kernel_track(). */
function kernel_pte_alloc(k: Linux, cpu: number, page: number): number {
  const old = kernel_table(k, page);
  if (old !== 0) return old;
  const { memory, mms } = k;
  const { ptes } = k.config;
  const l3 = memory.frame(mms.pgd[INIT_MM]!, LINUX_VMALLOC_FIRST_SLOT);
  const slot3 = Math.floor(page / (ptes * ptes));
  if ((memory.flags(l3, slot3) & _PAGE_PRESENT) === 0) {
    const l2 = new_kernel_table(k, cpu, 2);
    k.pv.set_pud(cpu, INIT_MM, l3, slot3, l2, _KERNPG_TABLE);
  }
  const table = new_kernel_table(k, cpu, 1);
  k.pv.set_pmd(
    cpu,
    INIT_MM,
    memory.frame(l3, slot3),
    Math.floor(page / ptes) & (ptes - 1),
    table,
    _KERNPG_TABLE,
  );
  return table;
}

function new_kernel_table(k: Linux, cpu: number, level: number): number {
  const table = k.pages.alloc_table();
  k.memory.clear_page(mfn(table));
  k.pv.alloc_table(cpu, INIT_MM, level, table);
  return table;
}
