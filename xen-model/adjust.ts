/**
 * What Xen changes in the present entries that a PV guest writes.
 *
 * Both modes of a 64-bit guest run in ring 3, so every entry needs U; the guest kernel's own leaves are marked, and
 * all others are made global. A at L4 is always set, since hardware's updates in a copy could not be brought back. A 32-bit
 * guest's kernel runs in ring 1: only its L3 entries change, which PAE knows without U and RW, and Xen's 4 levels do not.
 *
 * Mirrors: adjust_guest_l1e()..adjust_guest_l4e(), unadjust_guest_l3e(), xen/arch/x86/pv/mm.h (facts/xen.md 1.5).
 */
import {
  _PAGE_ACCESSED,
  _PAGE_GLOBAL,
  _PAGE_GUEST_KERNEL,
  _PAGE_PRESENT,
  _PAGE_RW,
  _PAGE_USER,
} from "../abi/page.js";

export function adjust_guest_l1e(flags: number, pv32: boolean): number {
  if ((flags & _PAGE_PRESENT) === 0 || pv32) return flags;
  if ((flags & _PAGE_USER) === 0) return flags | _PAGE_GUEST_KERNEL | _PAGE_USER;
  return (flags & _PAGE_GUEST_KERNEL) === 0 ? flags | _PAGE_GLOBAL : flags;
}

/** Levels 2..4. */
export function adjust_guest_lNe(level: number, flags: number, pv32: boolean): number {
  if ((flags & _PAGE_PRESENT) === 0) return flags;
  if (pv32) return level === 3 ? flags | _PAGE_USER | _PAGE_RW : level === 4 ? flags | _PAGE_ACCESSED : flags;
  return flags | _PAGE_USER | (level === 4 ? _PAGE_ACCESSED : 0);
}

/** An L3 entry as a PAE guest knows it, when its table leaves use. */
export function unadjust_guest_l3e(flags: number, pv32: boolean): number {
  if (!pv32 || (flags & _PAGE_PRESENT) === 0) return flags;
  return flags & ~(_PAGE_USER | _PAGE_RW | _PAGE_ACCESSED);
}
