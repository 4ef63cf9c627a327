/**
 * Which L1 maps a guest address in the tables that are loaded now.
 *
 * Mirrors: map_guest_l1e(), guest_get_eff_l1e(), xen/arch/x86/pv/mm.c.
 * Differs: without a modelled TLB (XenConfig.tlb) the linear map is not used; the loaded tables are walked in memory,
 *          as is so after Xen's own flushes (XSA-286), and the accessed flag is set that hardware sets there. That Xen can do
 *          without (XenConfig.linearMap) is a proposal.
 */
import { _PAGE_ACCESSED, _PAGE_PRESENT, _PAGE_PSE } from "../abi/page.js";
import { type Vpn, vpn_of_linear } from "../abi/frames.js";
import { LINEAR_PT_SLOT } from "../abi/layout.js";
import { addr_ok } from "./guest-access.js";
import { touch_domain_page } from "./mapcache.js";
import type { Xen } from "./xen.js";

/** Frame of the L1 that maps `page` in the loaded tables, or -1. Without a linear map each table above it is mapped to be read. */
export function map_guest_l1e(x: Xen, vcpu: number, page: number): number {
  if (!addr_ok(page)) return -1;
  const { mem } = x;
  const l2 =
    x.tlb === undefined || x.config.linearMap === false
      ? walk_to_l2(x, vcpu, page)
      : linear_l2_table(x, vcpu, page);
  if (l2 < 0) return -1;
  if (x.config.linearMap === false) touch_domain_page(x, vcpu, l2);
  const slot = Math.floor(page / mem.ptes) & (mem.ptes - 1);
  const flags = mem.flags(l2, slot);
  return (flags & (_PAGE_PRESENT | _PAGE_PSE)) === _PAGE_PRESENT ? mem.frame(l2, slot) : -1;
}

function walk_to_l2(x: Xen, vcpu: number, page: number): number {
  const { mem } = x;
  const { ptes } = mem;
  let table = x.vcpus.current_table(vcpu);
  let entries = 1 / (ptes * ptes * ptes); // per page: powers of 2, as ptes is
  for (let level = 4; level > 2; level--, entries *= ptes) {
    if (x.config.linearMap === false) touch_domain_page(x, vcpu, table);
    const slot = Math.floor(page * entries) & (ptes - 1);
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
