/**
 * mmap, munmap, brk: VMAs made, merged, split and taken away.
 *
 * Mirrors: mmap_region(), __vma_adjust(), do_mas_align_munmap(), unmap_region(), do_brk_flags(), mm/mmap.c.
 * Differs: an address is always chosen by the caller, or top-down below the last mapping.
 */
import { EEXIST, EINVAL, ENOMEM, type Rc } from "../abi/errno.js";
import { USER_LIMIT_VPN } from "../abi/layout.js";
import { populate_range } from "./fault.js";
import { anon_vma_clone, is_mergeable_anon_vma } from "./anon-vma.js";
import { lru_add_drain } from "./lru.js";
import type { Linux } from "./linux.js";
import { free_pgd_range, tlb_finish_mmu, tlb_gather_mmu } from "./unmap.js";
import { unmap_vmas } from "./unmap-vmas.js";
import { call_rcu } from "./rcu.js";
import { PMD_PAGES } from "./pgtable.js";
import { NO_FILE, NO_VMA, VM_LOCKED, VM_SOFTDIRTY } from "./vma.js";

/** A mapping that mmap is asked for. Units: pages. */
export interface MapRequest {
  readonly start: number;
  readonly pages: number;
  /** VM_* */
  readonly flags: number;
  readonly file: number;
  readonly pgoff: number;
  /** MAP_FIXED_NOREPLACE */
  readonly noreplace?: boolean;
  readonly populate?: boolean;
}

/** Map `request`, taking away what was there. Returns the first page, or -EINVAL, -EEXIST, -ENOMEM. */
export function mmap_region(k: Linux, cpu: number, mm: number, request: MapRequest): number {
  const { vmas, mms } = k;
  const { start, pages, flags, file } = request;
  const end = start + pages;
  if (pages <= 0 || start < 0) return -EINVAL;
  if (end > USER_LIMIT_VPN) return -ENOMEM;
  let next = vmas.find_vma_prev(mms.vma_root[mm]!, start);
  if (next !== NO_VMA && vmas.start[next]! < end) {
    if (request.noreplace === true) return -EEXIST;
    next = unmap_between(k, cpu, mm, vmas.prev, next, start, end);
  }
  const pgoff = file === NO_FILE ? start : request.pgoff;
  map_between(k, mm, vmas.prev, next, start, end, flags, file, pgoff);
  call_rcu(k, cpu); // the old node of the maple tree
  if (request.populate === true || (flags & VM_LOCKED) !== 0) {
    populate_range(k, cpu, mm, start, end);
  }
  return start;
}

/** Map [start, end), which is free, behind the VMA `prev` and below `next`: as a part of one of these, or a VMA of its own. */
export function map_between(
  k: Linux,
  mm: number,
  prev: number,
  next: number,
  start: number,
  end: number,
  flags: number,
  file: number,
  pgoff: number,
): void {
  if (merge_between(k, mm, prev, next, start, end, flags, file, pgoff, 0, 0) !== NO_VMA) return;
  insert_vma(k, mm, k.vmas.vm_area_alloc(start, end, flags, file, pgoff));
}

export function insert_vma(k: Linux, mm: number, row: number): void {
  k.mms.vma_root[mm] = k.vmas.insert(k.mms.vma_root[mm]!, row);
  k.vmas.vm_mm[row] = mm;
  k.mms.map_count[mm]!++;
}

export function remove_vma(k: Linux, mm: number, row: number): void {
  k.mms.vma_root[mm] = k.vmas.remove(k.mms.vma_root[mm]!, row);
  k.mms.map_count[mm]!--;
  k.vmas.vm_area_free(row);
}

/** Extend a neighbour over [start, end), which is free, if it maps the same on. Returns it, or NO_VMA. */
export function vma_merge(
  k: Linux,
  mm: number,
  start: number,
  end: number,
  flags: number,
  file: number,
  pgoff: number,
  anon_vma: number,
  chain: number,
): number {
  const { vmas } = k;
  const next = vmas.find_vma_prev(k.mms.vma_root[mm]!, start);
  return merge_between(k, mm, vmas.prev, next, start, end, flags, file, pgoff, anon_vma, chain);
}

/** vma_merge(), by who knows the VMAs before and behind. */
function merge_between(
  k: Linux,
  mm: number,
  prev: number,
  next: number,
  start: number,
  end: number,
  flags: number,
  file: number,
  pgoff: number,
  anon_vma: number,
  chain: number,
): number {
  const { vmas } = k;
  const mergePrev =
    prev !== NO_VMA &&
    vmas.end[prev] === start &&
    joins(k, prev, flags, file, pgoff - (start - vmas.start[prev]!), anon_vma);
  const mergeNext =
    next !== NO_VMA && vmas.start[next] === end && joins(k, next, flags, file, pgoff + end - start, anon_vma);
  if (mergePrev) {
    vmas.end[prev] = end;
    anon_vma_clone(k, prev, anon_vma, chain);
    if (mergeNext && is_mergeable_anon_vma(k, vmas.anon_vma[prev]!, next)) {
      vmas.end[prev] = vmas.end[next]!;
      anon_vma_clone(k, prev, vmas.anon_vma[next]!, vmas.anon_chain[next]!);
      remove_vma(k, mm, next);
    }
    return prev;
  }
  if (!mergeNext) return NO_VMA;
  vmas.start[next] = start;
  vmas.pgoff[next] = pgoff;
  anon_vma_clone(k, next, anon_vma, chain);
  return next;
}

/** Could what has these flags, and maps `file` from `pgoff` on at the start of `row`, be part of it? */
function joins(k: Linux, row: number, flags: number, file: number, pgoff: number, anon_vma: number): boolean {
  const { vmas } = k;
  return (
    ((vmas.flags[row]! ^ flags) & ~VM_SOFTDIRTY) === 0 &&
    vmas.file[row] === file &&
    vmas.pgoff[row] === pgoff &&
    is_mergeable_anon_vma(k, anon_vma, row)
  );
}

/**
 * Give [start, end), all of `vma`, other flags: it becomes part of a neighbour or a VMA of its own, or is changed in
 * place. Returns the VMA that it is in.
 *
 * Mirrors: vma_merge() and the splits behind it in mprotect_fixup(), mlock_fixup().
 */
export function vma_modify(
  k: Linux,
  cpu: number,
  mm: number,
  vma: number,
  start: number,
  end: number,
  flags: number,
): number {
  const { vmas, mms } = k;
  const before = mms.map_count[mm]!;
  const part = vmas.start[vma]! < start ? split_vma(k, mm, vma, start) : vma;
  if (vmas.end[part]! > end) split_vma(k, mm, part, end);
  const file = vmas.file[part]!;
  const pgoff = vmas.pgoff[part]!;
  const anon_vma = vmas.anon_vma[part]!;
  const chain = vmas.anon_chain[part]!;
  remove_vma(k, mm, part);
  let row = vma_merge(k, mm, start, end, flags, file, pgoff, anon_vma, chain);
  if (row === NO_VMA) {
    row = vmas.vm_area_alloc(start, end, flags, file, pgoff);
    anon_vma_clone(k, row, anon_vma, chain);
    insert_vma(k, mm, row);
  }
  if (mms.map_count[mm] !== before || vmas.start[row] !== start || vmas.end[row] !== end) call_rcu(k, cpu);
  return row;
}

/** Cut `vma` at `page`, if it lies inside. Returns the upper part. Mirrors: __split_vma(). */
export function split_vma(k: Linux, mm: number, vma: number, page: number): number {
  const { vmas } = k;
  const upper = vmas.vm_area_alloc(
    page,
    vmas.end[vma]!,
    vmas.flags[vma]!,
    vmas.file[vma]!,
    vmas.pgoff[vma]! + page - vmas.start[vma]!,
  );
  anon_vma_clone(k, upper, vmas.anon_vma[vma]!, vmas.anon_chain[vma]!);
  vmas.end[vma] = page;
  insert_vma(k, mm, upper);
  return upper;
}

/** Cut VMAs at both ends of [start, end). */
export function split_at(k: Linux, mm: number, start: number, end: number): void {
  cut(k, mm, start);
  cut(k, mm, end);
}

function cut(k: Linux, mm: number, page: number): void {
  const { vmas, mms } = k;
  const vma = vmas.find_vma(mms.vma_root[mm]!, page);
  if (vma !== NO_VMA && vmas.start[vma]! < page) split_vma(k, mm, vma, page);
}

/** Take away all that is mapped in [start, end). */
export function do_munmap(k: Linux, cpu: number, mm: number, start: number, end: number): Rc {
  const { vmas, mms } = k;
  if (start < 0 || end <= start || end > USER_LIMIT_VPN) return -EINVAL;
  const first = vmas.find_vma_prev(mms.vma_root[mm]!, start);
  if (first !== NO_VMA && vmas.start[first]! < end) unmap_between(k, cpu, mm, vmas.prev, first, start, end);
  return 0;
}

/**
 * Take away all that is mapped in [start, end), of which `vma` is the first, behind the VMA `prev`. Returns the VMA behind; that
 * before is in vmas.prev.
 */
function unmap_between(
  k: Linux,
  cpu: number,
  mm: number,
  prev: number,
  vma: number,
  start: number,
  end: number,
): number {
  const { vmas, mms } = k;
  const cutsFirst = vmas.start[vma]! < start;
  const before = cutsFirst ? vma : prev;
  const first = cutsFirst ? split_vma(k, mm, vma, start) : vma;
  let behind = vmas.end[first]! > end ? first : vmas.find_vma(mms.vma_root[mm]!, end);
  if (behind !== NO_VMA && vmas.start[behind]! < end) behind = split_vma(k, mm, behind, end);

  const floor = before === NO_VMA ? 0 : vmas.end[before]!;
  const ceiling = behind === NO_VMA ? Infinity : vmas.start[behind]!;
  const n = vmas.end[first] === end ? vmas.list_one(first) : vmas.list(mms.vma_root[mm]!, start, end);
  lru_add_drain(k, cpu);
  tlb_gather_mmu(k, cpu, mm, false);
  unmap_vmas(k, cpu, mm, n);
  free_pgtables(k, cpu, mm, n, floor, ceiling);
  tlb_finish_mmu(k, cpu);
  call_rcu(k, cpu);
  for (let i = 0; i < n; i++) remove_vma(k, mm, vmas.listed[i]!);
  vmas.prev = before;
  return behind;
}

/** Free the tables of the first `n` VMAs of vmas.listed; near ones in one go. */
export function free_pgtables(
  k: Linux,
  cpu: number,
  mm: number,
  n: number,
  floor: number,
  ceiling: number,
): void {
  const { start, end, listed } = k.vmas;
  for (let i = 0; i < n;) {
    const addr = start[listed[i]!]!;
    let until = end[listed[i]!]!;
    i++;
    while (i < n && start[listed[i]!]! <= until + PMD_PAGES) until = end[listed[i++]!]!;
    free_pgd_range(k, cpu, mm, addr, until, floor, i < n ? start[listed[i]!]! : ceiling);
  }
}

/** Move the end of the heap. Returns the new end, which is the old one if it cannot be moved. */
export function do_brk(k: Linux, cpu: number, mm: number, brk: number): number {
  const { mms, vmas } = k;
  const old = mms.brk[mm]!;
  if (brk < mms.start_brk[mm]! || brk === old || brk > USER_LIMIT_VPN) return old;
  if (brk < old) do_munmap(k, cpu, mm, brk, old);
  else {
    const next = vmas.find_vma_prev(mms.vma_root[mm]!, old);
    if (next !== NO_VMA && vmas.start[next]! < brk) return old;
    map_between(k, mm, vmas.prev, next, old, brk, HEAP_FLAGS, NO_FILE, old);
    call_rcu(k, cpu); // likewise
  }
  mms.brk[mm] = brk;
  return brk;
}

/** VM_READ | VM_WRITE */
const HEAP_FLAGS = 3;
