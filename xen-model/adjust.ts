/**
 * What Xen changes in the present entries that a 64-bit PV guest writes.
 *
 * Both modes of the guest run in ring 3, so every entry needs U; the guest kernel's own leaves are marked, and
 * all others are made global. A at L4 is always set, since hardware's updates in a copy could not be brought back.
 *
 * Mirrors: adjust_guest_l1e()..adjust_guest_l4e(), xen/arch/x86/pv/mm.h (facts/xen.md 1.5).
 */
import { _PAGE_ACCESSED, _PAGE_GLOBAL, _PAGE_GUEST_KERNEL, _PAGE_PRESENT, _PAGE_USER } from "../abi/page.js";

export function adjust_guest_l1e(flags: number): number {
  if ((flags & _PAGE_PRESENT) === 0) return flags;
  let f = flags;
  if ((f & _PAGE_USER) === 0) f |= _PAGE_GUEST_KERNEL | _PAGE_USER;
  if ((f & _PAGE_GUEST_KERNEL) === 0) f |= _PAGE_GLOBAL | _PAGE_USER;
  return f;
}

/** Levels 2..4. */
export function adjust_guest_lNe(level: number, flags: number): number {
  if ((flags & _PAGE_PRESENT) === 0) return flags;
  return flags | _PAGE_USER | (level === 4 ? _PAGE_ACCESSED : 0);
}
