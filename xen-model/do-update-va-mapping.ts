/**
 * do_update_va_mapping(): write the L1 entry that maps an address in the tables that are loaded now.
 *
 * Mirrors: __do_update_va_mapping(), xen/arch/x86/mm.c (facts/xen.md 1.8).
 * Differs: the pointer of UVMF_*_MULTI is the bitmap itself, so it cannot fault.
 */
import { EINVAL, type Rc } from "../abi/errno.js";
import { EV } from "../abi/events.js";
import { vpn_of_linear } from "../abi/frames.js";
import type { CallBuffer } from "../abi/hypercalls.js";
import {
  UVMF_ALL,
  UVMF_FLUSHTYPE_MASK,
  UVMF_INVLPG,
  UVMF_LOCAL,
  UVMF_NONE,
  UVMF_TLB_FLUSH,
} from "../abi/update-va-mapping.js";
import { hexFrame } from "./audit-log.js";
import {
  dirty_mask,
  flush_tlb_local,
  flush_tlb_mask,
  flush_tlb_one_local,
  flush_tlb_one_mask,
  pcpus_of,
} from "./flush.js";
import { PGT_l1_page_table } from "./frame-table.js";
import { addr_ok } from "./guest-access.js";
import { map_guest_l1e } from "./guest-l1e.js";
import { NO_ENTRY } from "./hw/walk.js";
import { touch_domain_page } from "./mapcache.js";
import { mod_l1_entry } from "./mod-entries.js";
import { page_lock, page_unlock } from "./page-type.js";
import { is_audited } from "./update-l4e.js";
import type { Xen } from "./xen.js";

/**
 * The call in `row` of `calls`.
 *
 * Errors: -EINVAL  the address is not the guest's, has no L1, or its L1 is not in use as one; else as mod_l1_entry(). On
 *         error nothing is flushed (XSA-279).
 */
export function do_update_va_mapping(x: Xen, vcpu: number, calls: CallBuffer, row: number): Rc {
  const page = calls.va[row]!;
  const rc = update_l1e(x, vcpu, page, calls.frame[row]!, calls.flags[row]!);
  if (rc !== 0 && x.rules.no_flush_on_error) return rc;
  flush(x, vcpu, page, calls.uvmf[row]!, calls.mask[row]!);
  return rc;
}

function update_l1e(x: Xen, vcpu: number, page: number, frame: number, flags: number): Rc {
  const { frames } = x;
  const plain = plain_l1_table(x, vcpu, page);
  if (plain >= 0) return mod_l1_entry(x, vcpu, plain, page & (x.mem.ptes - 1), frame, flags, false);
  const table = map_guest_l1e(x, vcpu, page);
  if (table < 0 || !frames.get_page_from_mfn(table)) return refuse_table(x, page);
  touch_domain_page(x, vcpu, table);
  if (!page_lock(x, table)) {
    frames.put_page(table);
    return refuse_table(x, page);
  }
  const isL1 = frames.type[table] === PGT_l1_page_table;
  const rc = isL1
    ? mod_l1_entry(x, vcpu, table, page & (x.mem.ptes - 1), frame, flags, false)
    : refuse_table(x, page);
  page_unlock(x, table);
  frames.put_page(table);
  return rc;
}

/**
 * The L1 of `page`, or -1: where the tables above it have been walked before, so that finding it leaves no mark, and nobody could tell
 * whether it is held meanwhile. test/xen-model/update-va-mapping.test.ts holds this way and the other equal.
 */
function plain_l1_table(x: Xen, vcpu: number, page: number): number {
  if (!x.has_plain_loads || x.log.enabled || !addr_ok(page)) return -1; // the log tells of locks
  const l1e = x.processor.used_l1e(x.vcpus.current_table(vcpu), vpn_of_linear(page));
  if (l1e === NO_ENTRY) return -1;
  const table = Math.floor(l1e / (2 * x.mem.ptes));
  return is_audited(x, table, PGT_l1_page_table) ? table : -1;
}

function refuse_table(x: Xen, page: number): Rc {
  return x.log.refuse(-EINVAL, "map_guest_l1e", () => `page ${hexFrame(page)}`, "no L1 of the guest maps it");
}

function flush(x: Xen, vcpu: number, page: number, uvmf: number, mask: number): void {
  const type = uvmf & UVMF_FLUSHTYPE_MASK;
  if (type === UVMF_NONE) return;
  const where = uvmf & ~UVMF_FLUSHTYPE_MASK;
  const pcpus = where === UVMF_ALL ? dirty_mask(x) : pcpus_of(x, mask);
  if (type === UVMF_TLB_FLUSH) {
    x.ledger.count(vcpu, EV.tlb_flush_op, 1);
    if (where === UVMF_LOCAL) flush_tlb_local(x, vcpu);
    else flush_tlb_mask(x, vcpu, pcpus);
  } else if (type === UVMF_INVLPG) {
    x.ledger.count(vcpu, EV.invlpg_op, 1);
    if (where === UVMF_LOCAL) flush_tlb_one_local(x, vcpu, page);
    else flush_tlb_one_mask(x, vcpu, pcpus, page);
  }
}
