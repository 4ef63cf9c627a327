/** Who else may have an L4 loaded, as its type count tells: what designs that copy L4s ask. */
import { PGT_pinned } from "../frame-table.js";
import type { Xen } from "../xen.js";

/**
 * Does the type count of `l4` show uses that are not this vCPU's? Somebody else may have it loaded then.
 *
 * Mirrors: do_mmu_update()'s accounting for XPTI, xen/arch/x86/mm.c (facts/xen.md 1.7).
 */
export function l4_used_elsewhere(x: Xen, vcpu: number, l4: number): boolean {
  const { frames, vcpus } = x;
  let accounted = (frames.typeFlags[l4]! & PGT_pinned) !== 0 ? 1 : 0;
  if (vcpus.guest_table[vcpu] === l4) accounted++;
  if (vcpus.guest_table_user[vcpu] === l4) accounted++;
  return frames.typeCount[l4]! > accounted;
}
