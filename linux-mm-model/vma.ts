/**
 * VMAs: what an address space says it maps, page tables apart.
 *
 * Shape: maxVmas rows.
 *   start, end  Float64Array  first page, and the first behind the last
 *   flags       Uint32Array   VM_*
 *   file        Int16Array    row of the file mapped, NO_FILE for anonymous memory
 *   pgoff       Float64Array  page of the file at `start`; anonymous: the page where it was mapped first
 *   anon_vma    Uint32Array   number of its anon_vma, 0 if it never had a page of its own: fork copies its PTEs if it has
 *   vm_mm       Int32Array    the mm whose tree it is in, -1 for none
 *   anon_chain  Uint8Array    anon_vmas that its pages may be of: its own, and those of forebears (anon-vma.ts)
 *   left, right Int32Array    subtrees, -1 for none
 *   weight      Uint32Array   heap order of the tree
 *
 * Mirrors: struct vm_area_struct, include/linux/mm_types.h; find_vma(), mm/mmap.c; vmacache_find(), mm/vmacache.c (up to 6.0).
 * Differs: a treap per mm instead of a maple tree.
 */
import type { State } from "../abi/state.js";
import { NO_MM } from "./mm-struct.js";

export const VM_READ = 0x1;
export const VM_WRITE = 0x2;
export const VM_EXEC = 0x4;
export const VM_SHARED = 0x8;
export const VM_GROWSDOWN = 0x100;
export const VM_LOCKED = 0x2000;
/** Not tracked for writes since the last clear of /proc/PID/clear_refs: no matter when VMAs merge. */
export const VM_SOFTDIRTY = 0x8000000;

export const NO_VMA = -1;
export const NO_FILE = -1;

/** Rows that an mm's lookups remember, a power of two; and what is near: pages that share one. Mirrors: VMACACHE_SIZE of 6.0. */
const VMACACHE_SIZE = 16;
const NEAR_SHIFT = 4;

export class VmaTable {
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly flags: Uint32Array;
  readonly file: Int16Array;
  readonly pgoff: Float64Array;
  readonly anon_vma: Uint32Array;
  readonly vm_mm: Int32Array;
  readonly anon_chain: Uint8Array;
  private readonly left: Int32Array;
  private readonly right: Int32Array;
  private readonly weight: Uint32Array;
  /** heads[0]: free rows, linked by `left`; heads[1]: first row never used; heads[2]: state of the weights; heads[3]: anon_vmas. */
  private readonly heads: Int32Array;
  /** [mm][VMACACHE_SIZE] rows that were found near a page: a guess that find_vma_near() checks, so no part of the state. */
  private readonly vmacache: Int32Array;
  /** Rows that list() found; behind that, nobody reads them. */
  readonly listed: Int32Array;

  constructor(
    state: State,
    readonly max: number,
    maxMms: number,
  ) {
    this.start = state.f64(max);
    this.end = state.f64(max);
    this.flags = state.u32(max);
    this.file = state.i16(max);
    this.pgoff = state.f64(max);
    this.anon_vma = state.u32(max);
    this.vm_mm = state.i32(max);
    this.anon_chain = state.u8(max);
    this.left = state.i32(max);
    this.right = state.i32(max);
    this.weight = state.u32(max);
    this.heads = state.i32(4);
    this.vmacache = new Int32Array(maxMms * VMACACHE_SIZE);
    this.listed = new Int32Array(max);
  }

  init(): void {
    this.heads[0] = NO_VMA;
    this.heads[2] = 1;
  }

  /** A row that is in no tree yet. Mirrors: vm_area_alloc(). */
  vm_area_alloc(start: number, end: number, flags: number, file: number, pgoff: number): number {
    let row = this.heads[0]!;
    if (row !== NO_VMA) this.heads[0] = this.left[row]!;
    else {
      row = this.heads[1]!;
      if (row >= this.max) throw new RangeError(`VmaTable: ${this.max} VMAs are in use; raise maxVmas`);
      this.heads[1] = row + 1;
    }
    this.start[row] = start;
    this.end[row] = end;
    this.flags[row] = flags;
    this.file[row] = file;
    this.pgoff[row] = pgoff;
    this.anon_vma[row] = 0;
    this.vm_mm[row] = NO_MM;
    this.anon_chain[row] = 0;
    this.left[row] = NO_VMA;
    this.right[row] = NO_VMA;
    // xorshift: the shape of the tree is a function of the history alone
    let w = this.heads[2]!;
    w ^= w << 13;
    w ^= w >>> 17;
    w ^= w << 5;
    this.heads[2] = w;
    this.weight[row] = w >>> 0;
    return row;
  }

  /** Number of a new anon_vma. */
  new_anon_vma(): number {
    return ++this.heads[3]!;
  }

  /** Mirrors: vm_area_free(). */
  vm_area_free(row: number): void {
    this.vm_mm[row] = NO_MM;
    this.left[row] = this.heads[0]!;
    this.heads[0] = row;
  }

  /** The first VMA of tree `root` that ends behind `page`, NO_VMA if none. It may begin behind `page` too. */
  find_vma(root: number, page: number): number {
    const { left, right, end } = this;
    let best = NO_VMA;
    for (let row = root; row !== NO_VMA;) {
      if (end[row]! > page) {
        best = row;
        row = left[row]!;
      } else row = right[row]!;
    }
    return best;
  }

  /**
   * find_vma() in the tree `root` of `mm`, by way of what was found near `page` last: as VMAs do not overlap, one of the mm that
   * has the page is the one, whatever has happened since.
   */
  find_vma_near(mm: number, root: number, page: number): number {
    const at = mm * VMACACHE_SIZE + ((page >>> NEAR_SHIFT) & (VMACACHE_SIZE - 1));
    const guess = this.vmacache[at]!;
    if (this.vm_mm[guess] === mm && this.start[guess]! <= page && page < this.end[guess]!) return guess;
    const row = this.find_vma(root, page);
    if (row !== NO_VMA) this.vmacache[at] = row;
    return row;
  }

  /** The last VMA that begins before `page`, NO_VMA if none. */
  find_vma_before(root: number, page: number): number {
    const { left, right, start } = this;
    let best = NO_VMA;
    for (let row = root; row !== NO_VMA;) {
      if (start[row]! < page) {
        best = row;
        row = right[row]!;
      } else row = left[row]!;
    }
    return best;
  }

  /**
   * find_vma(), and in this.prev the VMA before that, NO_VMA if none: find_vma_before(), where no VMA begins before `page` and
   * ends behind it. Mirrors: find_vma_prev(), mm/mmap.c.
   */
  find_vma_prev(root: number, page: number): number {
    const { left, right, end } = this;
    let next = NO_VMA;
    let prev = NO_VMA;
    for (let row = root; row !== NO_VMA;) {
      if (end[row]! > page) {
        next = row;
        row = left[row]!;
      } else {
        prev = row;
        row = right[row]!;
      }
    }
    this.prev = prev;
    return next;
  }

  prev = NO_VMA;

  /**
   * The VMAs of tree `root` that have pages of [start, end), in this.listed, by their addresses: what find_vma() finds one by one,
   * each from where the last ended. Returns how many.
   */
  list(root: number, start: number, end: number): number {
    return this.list_from(root, start, end, 0);
  }

  /** `row` alone, in this.listed. Returns how many that are. */
  list_one(row: number): number {
    this.listed[0] = row;
    return 1;
  }

  private list_from(row: number, start: number, end: number, n: number): number {
    if (row === NO_VMA) return n;
    const above = this.end[row]! > start;
    const below = this.start[row]! < end;
    if (above) n = this.list_from(this.left[row]!, start, end, n);
    if (above && below) this.listed[n++] = row;
    return below ? this.list_from(this.right[row]!, start, end, n) : n;
  }

  /** Add `row` to the tree; returns its root. No other VMA overlaps. */
  insert(root: number, row: number): number {
    const { left, right, weight, start } = this;
    const page = start[row]!;
    const mine = weight[row]!;
    let above = NO_VMA;
    let at = root;
    while (at !== NO_VMA && mine <= weight[at]!) {
      above = at;
      if (page < start[at]!) at = left[at]!;
      else at = right[at]!;
    }
    this.split(at, row);
    if (above === NO_VMA) return row;
    (page < start[above]! ? left : right)[above] = row;
    return root;
  }

  /** Take `row` out of the tree; returns its root. */
  remove(root: number, row: number): number {
    const { left, right, start } = this;
    const rest = this.join(left[row]!, right[row]!);
    if (root === row) return rest;
    const page = start[row]!;
    for (let at = root; ;) {
      const side = page < start[at]! ? left : right;
      const below = side[at]!;
      if (below === row) {
        side[at] = rest;
        return root;
      }
      at = below;
    }
  }

  /** The VMAs of tree `root` become subtrees of `row`: those that begin before it, and those behind. */
  private split(root: number, row: number): void {
    const { left, right, start } = this;
    const page = start[row]!;
    left[row] = NO_VMA;
    right[row] = NO_VMA;
    // where the next VMA below `row`, and the next above, belongs
    let below = row;
    let above = row;
    for (let at = root; at !== NO_VMA;) {
      if (start[at]! < page) {
        (below === row ? left : right)[below] = at;
        below = at;
        at = right[at]!;
      } else {
        (above === row ? right : left)[above] = at;
        above = at;
        at = left[at]!;
      }
    }
    if (below !== row) right[below] = NO_VMA;
    if (above !== row) left[above] = NO_VMA;
  }

  /**
   * Take the first `n` of this.listed, all there are in the tree, out of it, and free them. As remove() and vm_area_free() of each
   * from the first on: what is taken is the leftmost, so nothing but left subtrees changes, and those become the free list's links.
   */
  free_all(n: number): void {
    for (let i = 0; i < n; i++) this.vm_area_free(this.listed[i]!);
  }

  private join(a: number, b: number): number {
    const { left, right, weight } = this;
    if (a === NO_VMA) return b;
    if (b === NO_VMA) return a;
    if (weight[a]! > weight[b]!) {
      right[a] = this.join(right[a]!, b);
      return a;
    }
    left[b] = this.join(a, left[b]!);
    return b;
  }
}
