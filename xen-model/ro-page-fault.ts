/**
 * Writable pagetables: a guest kernel's store to a read-only mapping of one of its L1s is audited and done.
 *
 * Mirrors: pv_ro_page_fault(), ptwr_emulated_update(), xen/arch/x86/pv/ro-page-fault.c (facts/xen.md 1.10).
 * Differs: stores are of 8 aligned bytes. An emulated store to a read-only MMIO page is discarded, as mmio-ro is.
 */
import { EV } from "../abi/events.js";
import { linear_page, type Vpn } from "../abi/frames.js";
import { _PAGE_PRESENT, _PAGE_RW } from "../abi/page.js";
import { adjust_guest_l1e } from "./adjust.js";
import { OWNER_guest, PGT_l1_page_table } from "./frame-table.js";
import { map_guest_l1e } from "./guest-l1e.js";
import { get_page_from_l1e, put_page_from_l1e } from "./l1e-refs.js";
import { io_class } from "./memory-map.js";
import { page_lock, page_unlock } from "./page-type.js";
import { touch_domain_page } from "./mapcache.js";
import type { Xen } from "./xen.js";

/** Emulate a store of (frame, flags) to entry `slot` of the frame that `page` maps; false: the fault is the guest's. */
export function pv_ro_page_fault(
  x: Xen,
  vcpu: number,
  page: Vpn,
  slot: number,
  frame: number,
  flags: number,
): boolean {
  const { mem, frames } = x;
  const l1 = map_guest_l1e(x, vcpu, linear_page(page));
  if (l1 < 0) return false;
  touch_domain_page(x, vcpu, l1);
  const at = page & (mem.ptes - 1);
  const pte = mem.flags(l1, at);
  if ((pte & (_PAGE_PRESENT | _PAGE_RW)) !== _PAGE_PRESENT) return false;
  const table = mem.frame(l1, at);
  if (!frames.mfn_valid(table)) return io_class(x.map, table) === "mmio-ro";
  if (frames.owner[table] !== OWNER_guest || !page_lock(x, table)) return false;
  const done =
    frames.type[table] === PGT_l1_page_table && ptwr_emulated_update(x, vcpu, table, slot, frame, flags);
  page_unlock(x, table);
  return done;
}

/** As mod_l1_entry(), without a fast path. */
function ptwr_emulated_update(
  x: Xen,
  vcpu: number,
  table: number,
  slot: number,
  frame: number,
  flags: number,
): boolean {
  const { mem, ledger } = x;
  const rc = (flags & _PAGE_PRESENT) === 0 ? 0 : get_page_from_l1e(x, vcpu, frame, flags);
  if (rc < 0) return false;
  const oldFrame = mem.frame(table, slot);
  const oldFlags = mem.flags(table, slot);
  mem.set(table, slot, frame, adjust_guest_l1e(flags ^ rc, x.pv32));
  put_page_from_l1e(x, vcpu, oldFrame, oldFlags);
  ledger.count(vcpu, EV.ptwr_emulation, 1);
  const was = (oldFlags & _PAGE_PRESENT) !== 0;
  const is = (flags & _PAGE_PRESENT) !== 0;
  ledger.count(vcpu, is ? (was ? EV.l1e_changed : EV.l1e_set) : was ? EV.l1e_cleared : EV.raw_pte_write, 1);
  return true;
}
