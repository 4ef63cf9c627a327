/**
 * struct page and the page allocator: one row per frame of the guest.
 *
 * Mirrors: struct page, include/linux/mm_types.h; PG_pinned of arch/x86/xen/mmu_pv.c; alloc_page()/__free_page().
 * Differs: pfn == mfn, so there is no p2m. Two free lists instead of a buddy allocator: frames that can hold
 *          tables (below nrTables, see abi/memory.ts) and all others. Frames come back last in, first out,
 *          and frames never used are handed out in ascending order.
 */
import type { State } from "../abi/state.js";
import type { LinuxConfig } from "./config.js";

/** Flags of a page. */
export const PG_table = 1; // PageTable()
export const PG_pinned = 2; // PagePinned(): read-only in the direct map because Xen types it
export const PG_anon = 4; // PageAnon()
export const PG_anon_exclusive = 8; // PageAnonExclusive(): not shared by fork
export const PG_pagecache = 16; // a page of a file that is there; never freed by unmapping
export const PG_lru = 32; // no CPU holds it back from the LRU lists (lru.ts)

/**
 * Shape: one row per frame, indexed by pfn (== mfn); rows below firstFrame are Xen's and stay unused.
 *   flags     Uint8Array   PG_*
 *   mapcount  Int32Array   user PTEs that map the frame (_mapcount + 1)
 *   refcount  Int32Array   references; the frame is free at 0
 *   next      Int32Array   link of the list it is on: free pages, or tables that wait for their flush (unmap.ts)
 *   private   Uint32Array  page->private
 */
export class PageTable {
  readonly flags: Uint8Array;
  readonly mapcount: Int32Array;
  readonly refcount: Int32Array;
  readonly private: Uint32Array;
  readonly next: Int32Array;
  /** [0], [1]: heads of the lists of table and data frames, -1 empty; [2], [3]: first frame never used. */
  readonly heads: Int32Array;

  constructor(
    state: State,
    private readonly config: LinuxConfig,
  ) {
    const { nrFrames } = config;
    this.flags = state.u8(nrFrames);
    this.mapcount = state.i32(nrFrames);
    this.refcount = state.i32(nrFrames);
    this.private = state.u32(nrFrames);
    this.next = state.i32(nrFrames);
    this.heads = state.i32(4);
  }

  /** All frames free. */
  init(): void {
    this.heads[0] = -1;
    this.heads[1] = -1;
    this.heads[2] = this.config.firstFrame;
    this.heads[3] = this.config.nrTables;
  }

  /** A frame that can hold a pagetable, with one reference. Its contents are the caller's to clear. */
  alloc_table(): number {
    return this.take(0, this.config.nrTables, "nrTables");
  }

  /** Are there `n` frames for tables? For callers that can fail: alloc_table() cannot. */
  can_alloc_tables(n: number): boolean {
    let left = this.config.nrTables - this.heads[2]!;
    for (let pfn = this.heads[0]!; left < n && pfn >= 0; pfn = this.next[pfn]!) left++;
    return left >= n;
  }

  /** From here on no frame for tables was ever handed out. */
  first_unused_table(): number {
    return this.heads[2]!;
  }

  /** The frame that alloc_page() hands out next; -1 if there is none. */
  next_page(): number {
    const free = this.heads[1]!;
    if (free >= 0) return free;
    const unused = this.heads[3]!;
    return unused < this.config.nrFrames ? unused : -1;
  }

  /** A frame for data, with one reference. */
  alloc_page(): number {
    return this.take(1, this.config.nrFrames, "nrFrames");
  }

  /** `count` data frames in a row, each with one reference: the page cache of a file. */
  alloc_range(count: number): number {
    const first = this.heads[3]!;
    if (first + count > this.config.nrFrames) {
      throw new RangeError(
        `PageTable: no ${count} frames below ${this.config.nrFrames} are left; raise nrFrames`,
      );
    }
    this.heads[3] = first + count;
    this.refcount.fill(1, first, first + count);
    return first;
  }

  /** Drop a reference; true when it was the last and the frame is free now. Mirrors: put_page(). */
  put_page(pfn: number): boolean {
    const left = this.refcount[pfn]! - 1;
    this.refcount[pfn] = left;
    if (left > 0) return false;
    this.flags[pfn] = 0;
    this.mapcount[pfn] = 0;
    this.private[pfn] = 0;
    const list = pfn < this.config.nrTables ? 0 : 1;
    this.next[pfn] = this.heads[list]!;
    this.heads[list] = pfn;
    return true;
  }

  private take(list: 0 | 1, end: number, limit: string): number {
    let pfn = this.heads[list]!;
    if (pfn >= 0) this.heads[list] = this.next[pfn]!;
    else {
      pfn = this.heads[2 + list]!;
      if (pfn >= end)
        throw new RangeError(`PageTable: no frame below ${limit} ${end} is left; raise ${limit}`);
      this.heads[2 + list] = pfn + 1;
    }
    this.refcount[pfn] = 1;
    return pfn;
  }
}
