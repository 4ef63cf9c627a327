/**
 * Which slots of a table are the guest's.
 *
 * Mirrors: is_guest_l2_slot(), is_guest_l4_slot(), asm/x86_64/page.h (facts/xen.md 1.4, 6).
 */
import { is_guest_l4_slot } from "../abi/layout.js";
import type { Xen } from "./xen.js";

/** First slot of Xen's in the L2 of PAE slot 3: 0xf5800000. Mirrors: COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT. */
export const COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT = 428;

/** Is `slot` of a table of `level` 2..4 the guest's? `pae_xen_l2`: the table is an L2 with PGT_pae_xen_l2. */
export function is_guest_slot(x: Xen, level: number, slot: number, pae_xen_l2: boolean): boolean {
  if (level === 4) return x.pv32 ? slot === 0 : is_guest_l4_slot(slot);
  return !pae_xen_l2 || slot < COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT;
}
