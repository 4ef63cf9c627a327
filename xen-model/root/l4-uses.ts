/** Whose roots are stale when an L4 changes, as its type count tells: what designs that copy L4s ask. */
import { PGT_pinned } from "../frame-table.js";
import type { Xen } from "../xen.js";

/** The root of the vCPU that changed an L4, and roots of others. */
export const ROOT_LOCAL = 1;
export const ROOT_OTHERS = 2;

/**
 * ROOT_LOCAL: `l4` is this vCPU's kernel table, on which it runs while it makes hypercalls. ROOT_OTHERS: the type
 * count of `l4` shows uses that are not this vCPU's, so that somebody else may have it loaded.
 *
 * Mirrors: do_mmu_update()'s flush_root_pt_local and flush_root_pt_others, xen/arch/x86/mm.c (facts/xen.md 1.7, 3.4).
 */
export function stale_roots(x: Xen, vcpu: number, l4: number): number {
  const { frames, vcpus } = x;
  const local = vcpus.guest_table[vcpu] === l4;
  let accounted = (frames.typeFlags[l4]! & PGT_pinned) !== 0 ? 1 : 0;
  if (local) accounted++;
  if (vcpus.guest_table_user[vcpu] === l4) accounted++;
  const others = frames.typeCount[l4]! > accounted;
  return (local ? ROOT_LOCAL : 0) | (others ? ROOT_OTHERS : 0);
}
