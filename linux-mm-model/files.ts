/**
 * Files, as far as they are mapped: their page cache.
 *
 * Shape: maxFiles rows.
 *   pages  Uint32Array  length
 *   first  Uint32Array  frames of the page cache: `pages` in a row from here
 *
 * Mirrors: struct address_space; shmem_file_setup() for shared anonymous mappings.
 * Differs: a file begins fully cached or, as shared anonymous memory does, empty (PG_pagecache of its frames); these are
 *          set aside when it is opened. A file that
 *          nobody knows the length of has 1,024 pages, and pages beyond wrap around. Page 2^31 and up wrap too.
 */
import type { State } from "../abi/state.js";
import type { PageTable } from "./struct-page.js";
import { PG_pagecache } from "./struct-page.js";

export class FileTable {
  readonly pages: Uint32Array;
  readonly first: Uint32Array;
  /** One bit a page of files that are not cached: has it been used? */
  private readonly used: Uint32Array;

  constructor(
    state: State,
    readonly max: number,
  ) {
    this.pages = state.u32(max);
    this.first = state.u32(max);
    this.used = state.u32(1);
  }

  /** A file of `pages` pages, all in the page cache or none. Errors: RangeError where there is no room for another. */
  open(frames: PageTable, pages: number, cached: boolean): number {
    const file = this.used[0]!;
    if (file >= this.max) throw new RangeError(`FileTable: ${this.max} files are open; raise maxFiles`);
    this.used[0] = file + 1;
    this.pages[file] = pages;
    this.first[file] = frames.alloc_range(pages);
    frames.flags.fill(cached ? PG_pagecache : 0, this.first[file], this.first[file]! + pages);
    return file;
  }

  /** Frame of page `index`. Those of pages in a row are in a row, up to the last page of the file. */
  frame(file: number, index: number): number {
    const pages = this.pages[file]!;
    // index % pages, which of a double is slow; exact, as no quotient of page numbers is rounded up to the next integer
    return this.first[file]! + index - Math.floor(index / pages) * pages;
  }
}
