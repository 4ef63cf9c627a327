/**
 * Guest addresses in Xen: which are the guest's, and which L1 maps them in the tables that are loaded now.
 *
 * Mirrors: __addr_ok(), asm/x86_64/uaccess.h; map_guest_l1e(), guest_get_eff_l1e(), xen/arch/x86/pv/mm.c.
 * Differs: without a modelled TLB (XenConfig.tlb) the linear map is not used; the loaded tables are walked in memory,
 *          as is so after Xen's own flushes (XSA-286), and the accessed flag is set that hardware sets there.
 */
import { _PAGE_ACCESSED, _PAGE_PRESENT, _PAGE_PSE } from "../abi/page.js";
import { type Vpn, vpn_of_linear } from "../abi/frames.js";
import { LINEAR_PT_SLOT } from "../abi/layout.js";
import type { Xen } from "./xen.js";

/** Is the page (52 bits of its address) the guest's to use? */
export function addr_ok(page: number): boolean {
  return page < 2 ** 35 || page >= 0xffff880000000; // below 1 << 47, or from HYPERVISOR_VIRT_END up
}

/** Does the page (52 bits of its address) exist, with four levels? */
export function is_canonical(page: number): boolean {
  return page < 2 ** 35 || page >= 2 ** 52 - 2 ** 35;
}

/** Frame of the L1 that maps `page` in the loaded tables, or -1. */
export function map_guest_l1e(x: Xen, vcpu: number, page: number): number {
  if (!addr_ok(page)) return -1;
  const { mem } = x;
  const l2 = x.tlb === undefined ? walk_to_l2(x, vcpu, page) : linear_l2_table(x, vcpu, page);
  if (l2 < 0) return -1;
  const slot = Math.floor(page / mem.ptes) % mem.ptes;
  const flags = mem.flags(l2, slot);
  return (flags & (_PAGE_PRESENT | _PAGE_PSE)) === _PAGE_PRESENT ? mem.frame(l2, slot) : -1;
}

function walk_to_l2(x: Xen, vcpu: number, page: number): number {
  const { mem } = x;
  let table = x.vcpus.current_table(vcpu);
  for (let level = 4; level > 2; level--) {
    const slot = Math.floor(page / mem.ptes ** (level - 1)) % mem.ptes;
    const flags = mem.flags(table, slot);
    if ((flags & (_PAGE_PRESENT | _PAGE_PSE)) !== _PAGE_PRESENT) return -1;
    // in the walk of the linear map the L3 entry is a leaf
    if (level === 3 && (flags & _PAGE_ACCESSED) === 0) mem.set_flags(table, slot, flags | _PAGE_ACCESSED);
    table = mem.frame(table, slot);
  }
  return table;
}

/** The L2 of `page` as the linear map shows it, through the TLB. Mirrors: __linear_l2_table[]. */
function linear_l2_table(x: Xen, vcpu: number, page: number): number {
  const { ptes } = x.mem;
  const at =
    (LINEAR_PT_SLOT * ptes + LINEAR_PT_SLOT) * ptes * ptes + Math.floor(vpn_of_linear(page) / (ptes * ptes));
  return x.processor.read_linear_map(x.vcpus.pcpu[vcpu]!, at as Vpn);
}
