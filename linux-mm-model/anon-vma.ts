/**
 * anon_vma: which VMAs may hold pages of one fault history, and so may be one VMA.
 *
 * A VMA gets one with its first page of its own, a neighbour's if that could become part of it. After fork the child's
 * VMA has one of its own, chained to the parent's: it merges with no VMA that lacks one.
 *
 * Mirrors: __anon_vma_prepare(), anon_vma_fork(), mm/rmap.c; find_mergeable_anon_vma(), reusable_anon_vma(),
 *          is_mergeable_anon_vma(), mm/mmap.c.
 * Differs: numbers for the structures, and the length of a chain for the chain.
 */
import type { Linux } from "./linux.js";
import { NO_VMA, VM_EXEC, VM_READ, VM_SOFTDIRTY, VM_WRITE } from "./vma.js";

/** Flags that may differ between two VMAs of one anon_vma. */
const ANY_ACCESS = VM_READ | VM_WRITE | VM_EXEC | VM_SOFTDIRTY;

/** `vma` is about to get a page of its own. */
export function anon_vma_prepare(k: Linux, mm: number, vma: number): void {
  const { vmas } = k;
  if (vmas.anon_vma[vma] !== 0) return;
  vmas.anon_vma[vma] = find_mergeable_anon_vma(k, mm, vma) || vmas.new_anon_vma();
  vmas.anon_chain[vma] = 1;
}

function find_mergeable_anon_vma(k: Linux, mm: number, vma: number): number {
  const { vmas, mms } = k;
  const root = mms.vma_root[mm]!;
  const next = vmas.find_vma(root, vmas.end[vma]!);
  if (next !== NO_VMA && reusable(k, next, vma, next)) return vmas.anon_vma[next]!;
  const prev = vmas.find_vma_before(root, vmas.start[vma]!);
  return prev !== NO_VMA && reusable(k, prev, prev, vma) ? vmas.anon_vma[prev]! : 0;
}

/** May `old`, which is `a` or `b`, share its anon_vma with the other? `b` follows `a`. */
function reusable(k: Linux, old: number, a: number, b: number): boolean {
  const { vmas } = k;
  return (
    vmas.end[a] === vmas.start[b] &&
    vmas.file[a] === vmas.file[b] &&
    ((vmas.flags[a]! ^ vmas.flags[b]!) & ~ANY_ACCESS) === 0 &&
    vmas.pgoff[b] === vmas.pgoff[a]! + vmas.end[a]! - vmas.start[a]! &&
    vmas.anon_vma[old] !== 0 &&
    vmas.anon_chain[old] === 1
  );
}

/** The child's copy of `vma` is `copy`. */
export function anon_vma_fork(k: Linux, vma: number, copy: number): void {
  const { vmas } = k;
  if (vmas.anon_vma[vma] === 0) return;
  vmas.anon_vma[copy] = vmas.new_anon_vma();
  vmas.anon_chain[copy] = Math.min(vmas.anon_chain[vma]! + 1, 255);
}

/** May pages of `anon_vma` become part of `vma`? */
export function is_mergeable_anon_vma(k: Linux, anon_vma: number, vma: number): boolean {
  const { vmas } = k;
  const other = vmas.anon_vma[vma]!;
  return anon_vma === other || ((anon_vma === 0 || other === 0) && vmas.anon_chain[vma]! <= 1);
}

/** `vma` takes in pages of `anon_vma`, which has a chain of `chain`. Mirrors: anon_vma_clone(). */
export function anon_vma_clone(k: Linux, vma: number, anon_vma: number, chain: number): void {
  const { vmas } = k;
  if (vmas.anon_vma[vma] !== 0 || anon_vma === 0) return;
  vmas.anon_vma[vma] = anon_vma;
  vmas.anon_chain[vma] = chain;
}
