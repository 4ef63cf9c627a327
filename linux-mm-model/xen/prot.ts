/**
 * Protections of kernel mappings and of table entries, as a PV kernel writes them.
 *
 * Mirrors: PAGE_KERNEL, PAGE_KERNEL_RO, _PAGE_TABLE, _KERNPG_TABLE, arch/x86/include/asm/pgtable_types.h;
 *          __va() of the direct map. A PV kernel sets no _PAGE_GLOBAL (xen_start_kernel()).
 */
import { LINUX_DIRECT_MAP_VPN } from "../../abi/layout.js";
import type { Vpn } from "../../abi/frames.js";
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_NX,
  _PAGE_PRESENT,
  _PAGE_RW,
  _PAGE_USER,
} from "../../abi/page.js";

export const PAGE_KERNEL_RO = _PAGE_PRESENT | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_NX;
export const PAGE_KERNEL = PAGE_KERNEL_RO | _PAGE_RW;
export const _PAGE_TABLE = _PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED | _PAGE_DIRTY;
export const _KERNPG_TABLE = _PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY;

/** Page of the direct map that maps `pfn`. Mirrors: __va(PFN_PHYS(pfn)). */
export function direct_map(pfn: number): Vpn {
  return (LINUX_DIRECT_MAP_VPN + pfn) as Vpn;
}
