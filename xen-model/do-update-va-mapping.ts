/**
 * do_update_va_mapping(): write the L1 entry that maps an address in the tables that are loaded now.
 *
 * Mirrors: __do_update_va_mapping(), map_guest_l1e(), xen/arch/x86/mm.c, pv/mm.c (facts/xen.md 1.8).
 * Differs: Xen reads the L2 entry through the linear map; here the loaded L4 is walked in memory, as it
 *          would be after Xen's own flushes (XSA-286), and the accessed flag is set that hardware sets there.
 */
import { EINVAL, type Rc } from "../abi/errno.js";
import { EV } from "../abi/events.js";
import type { CallBuffer } from "../abi/hypercalls.js";
import { _PAGE_ACCESSED, _PAGE_PRESENT, _PAGE_PSE } from "../abi/page.js";
import {
  UVMF_ALL,
  UVMF_FLUSHTYPE_MASK,
  UVMF_INVLPG,
  UVMF_LOCAL,
  UVMF_TLB_FLUSH,
} from "../abi/update-va-mapping.js";
import { hexFrame } from "./audit-log.js";
import { addr_ok } from "./do-mmuext-op.js";
import { flush_tlb_local, flush_tlb_mask, flush_tlb_one_local, flush_tlb_one_mask } from "./flush.js";
import { PGT_l1_page_table, PGT_validated } from "./frame-table.js";
import { mod_l1_entry } from "./mod-entries.js";
import type { Xen } from "./xen.js";

/**
 * The call in `row` of `calls`.
 *
 * Errors: -EINVAL  the address is not the guest's, has no L1, or its L1 is not in use as one; else as mod_l1_entry(). On
 *         error nothing is flushed (XSA-279).
 */
export function do_update_va_mapping(x: Xen, vcpu: number, calls: CallBuffer, row: number): Rc {
  const page = calls.va[row]!;
  const table = map_guest_l1e(x, vcpu, page);
  const { frames } = x;
  if (table < 0 || !frames.get_page_from_mfn(table)) {
    return x.log.refuse(
      -EINVAL,
      "map_guest_l1e",
      () => `page ${hexFrame(page)}`,
      "no L1 of the guest maps it",
    );
  }
  const typed =
    frames.type[table] === PGT_l1_page_table &&
    frames.typeCount[table]! > 0 &&
    (frames.typeFlags[table]! & PGT_validated) !== 0;
  const rc = typed
    ? mod_l1_entry(x, vcpu, table, page % x.mem.ptes, calls.frame[row]!, calls.flags[row]!, false)
    : -EINVAL;
  frames.put_page(table);
  if (rc !== 0) return rc;
  flush(x, vcpu, calls.uvmf[row]!, calls.mask[row]!);
  return 0;
}

function flush(x: Xen, vcpu: number, uvmf: number, mask: number): void {
  const type = uvmf & UVMF_FLUSHTYPE_MASK;
  const where = uvmf & ~UVMF_FLUSHTYPE_MASK;
  const pcpus = where === UVMF_ALL ? x.dirty_mask() : x.pcpus_of(mask);
  if (type === UVMF_TLB_FLUSH) {
    x.ledger.count(vcpu, EV.tlb_flush_op, 1);
    if (where === UVMF_LOCAL) flush_tlb_local(x, vcpu);
    else flush_tlb_mask(x, vcpu, pcpus);
  } else if (type === UVMF_INVLPG) {
    x.ledger.count(vcpu, EV.invlpg_op, 1);
    if (where === UVMF_LOCAL) flush_tlb_one_local(x, vcpu);
    else flush_tlb_one_mask(x, vcpu, pcpus);
  }
}

/** Frame of the L1 that maps `page` in the loaded tables, or -1. */
export function map_guest_l1e(x: Xen, vcpu: number, page: number): number {
  if (!addr_ok(page)) return -1;
  const { mem } = x;
  let table = x.vcpus.current_table(vcpu);
  for (let level = 4; level > 1; level--) {
    const slot = Math.floor(page / mem.ptes ** (level - 1)) % mem.ptes;
    const flags = mem.flags(table, slot);
    if ((flags & (_PAGE_PRESENT | _PAGE_PSE)) !== _PAGE_PRESENT) return -1;
    // the L2 entry is read through the linear map, in whose walk the L3 entry is a leaf
    if (level === 3 && (flags & _PAGE_ACCESSED) === 0) mem.set_flags(table, slot, flags | _PAGE_ACCESSED);
    table = mem.frame(table, slot);
  }
  return table;
}
