/**
 * Guest addresses in Xen: which are the guest's.
 *
 * Mirrors: __addr_ok(), asm/x86_64/uaccess.h.
 */

/** Is the page (52 bits of its address) the guest's to use? */
export function addr_ok(page: number): boolean {
  return page < 2 ** 35 || page >= 0xffff880000000; // below 1 << 47, or from HYPERVISOR_VIRT_END up
}

/** Does the page (52 bits of its address) exist, with four levels? */
export function is_canonical(page: number): boolean {
  return page < 2 ** 35 || page >= 2 ** 52 - 2 ** 35;
}
