/**
 * Who owns which part of a 64-bit PV guest's address space: a contract between Xen and its guests.
 *
 * Mirrors: the layout comment of xen/arch/x86/include/asm/config.h;
 *          Documentation/arch/x86/x86_64/mm.rst (without KASLR).
 */
import type { Vpn } from "./frames.js";

/** The 16 slots of an L4 that are Xen's; the guest has the other 496. */
export const ROOT_PAGETABLE_FIRST_XEN_SLOT = 256;
export const ROOT_PAGETABLE_LAST_XEN_SLOT = 271;

/** Xen's slots by use. */
export const RO_MPT_SLOT = 256;
export const PCI_MCFG_SLOT = 257;
export const LINEAR_PT_SLOT = 258;
export const SH_LINEAR_PT_SLOT = 259;
export const PERDOMAIN_SLOT = 260;
export const XEN_VIRT_SLOT = 261;
export const DIRECTMAP_SLOT = 262;

/** The slots of a Linux guest's kernel half. */
export const LINUX_DIRECT_MAP_SLOT = 273;
export const LINUX_VMALLOC_FIRST_SLOT = 402;
export const LINUX_VMALLOC_LAST_SLOT = 465;
export const LINUX_VMEMMAP_SLOT = 468;
export const LINUX_KERNEL_IMAGE_SLOT = 511;

/** Is `slot` of a 64-bit PV guest's L4 the guest's? Mirrors: is_guest_l4_slot(), asm/x86_64/page.h. */
export function is_guest_l4_slot(slot: number): boolean {
  return slot < ROOT_PAGETABLE_FIRST_XEN_SLOT || slot > ROOT_PAGETABLE_LAST_XEN_SLOT;
}

/** First virtual page of Linux's direct map, 0xffff888000000000 >> 12, in 36 bits. */
export const LINUX_DIRECT_MAP_VPN = (LINUX_DIRECT_MAP_SLOT * 2 ** 27) as Vpn;

/** User addresses end at USER_LIMIT = 1 << 47; in pages. */
export const USER_LIMIT_VPN = 2 ** 35;
