/**
 * do_mmu_update(): requests one by one, each by the type of the frame it writes to.
 *
 * Mirrors: do_mmu_update(), xen/arch/x86/mm.c (facts/xen.md 1.8).
 * Differs: one domain and the system domains, so any other foreigndom is -ESRCH.
 */
import { EINVAL, ENOSYS, ESRCH, type Rc } from "../abi/errno.js";
import { EV } from "../abi/events.js";
import { type CallBuffer, DOMID_IO, DOMID_SELF, DOMID_XEN } from "../abi/hypercalls.js";
import {
  MMU_MACHPHYS_UPDATE,
  MMU_NORMAL_PT_UPDATE,
  MMU_PT_UPDATE_NO_TRANSLATE,
  MMU_PT_UPDATE_PRESERVE_AD,
} from "../abi/mmu-update.js";
import { hexFrame } from "./audit-log.js";
import { flush_after_pt_update, pt_update_mask } from "./flush.js";
import {
  OWNER_guest,
  OWNER_io,
  OWNER_xen,
  PGT_l1_page_table,
  PGT_l2_page_table,
  PGT_l4_page_table,
  PGT_validated,
  PGT_writable_page,
} from "./frame-table.js";
import { mod_l1_entry, mod_lN_entry } from "./mod-entries.js";
import { _get_page_type, _put_page_type } from "./page-type.js";
import type { Xen } from "./xen.js";

/** The call in `row` of `calls`. calls.done[row] is the number of requests that succeeded. */
export function do_mmu_update(x: Xen, vcpu: number, calls: CallBuffer, row: number): Rc {
  x.put_old_guest_table(vcpu);
  calls.done[row] = 0;
  const foreign = foreign_domain(calls.domid[row]!);
  if (foreign < 0) return foreign;
  x.pg_owner = foreign;
  const first = calls.first[row]!;
  const count = calls.count[row]!;
  x.ledger.count(vcpu, EV.mmu_update_items, count);
  let rc: Rc = 0;
  let i = 0;
  let flush = 0; // pCPUs
  let roots = false; // and their roots
  for (; i < count; i++) {
    const request = first + i;
    x.restarted = false;
    x.touchedLevel = 0;
    rc = one_update(x, vcpu, calls, request);
    if (x.touchedLevel >= PGT_l2_page_table) {
      const isRoot = x.touchedLevel === PGT_l4_page_table;
      const table = calls.mu_table[request]!;
      flush |= pt_update_mask(x, isRoot ? table : 0);
      if (isRoot && x.root.l4_changed(x, vcpu, table)) roots = true;
    }
    if (rc !== 0) break;
    // a dropped table ends the call for now; it goes on with the next request, after the flush
    if (x.restarted && i + 1 < count) {
      flush_after_pt_update(x, vcpu, flush, roots);
      x.root.exit_to_guest(x, vcpu);
      x.root.enter_from_guest(x, vcpu);
      flush = 0;
      roots = false;
    }
  }
  if (flush !== 0) flush_after_pt_update(x, vcpu, flush, roots);
  x.put_old_guest_table(vcpu);
  x.pg_owner = OWNER_guest;
  calls.done[row] = i;
  return rc;
}

/**
 * Whose frames a call maps: the guest's own, or those of a system domain, where a guest may name one.
 *
 * Errors: -ESRCH  no such domain, or not for this guest; also the guest's own number.
 * Mirrors: get_pg_owner(), xen/arch/x86/mm.c.
 */
export function foreign_domain(domid: number): number {
  switch (domid) {
    case DOMID_SELF:
      return OWNER_guest;
    case DOMID_IO:
      return OWNER_io;
    case DOMID_XEN:
      return OWNER_xen;
    default:
      return -ESRCH;
  }
}

function one_update(x: Xen, vcpu: number, calls: CallBuffer, request: number): Rc {
  const { frames } = x;
  const cmd = calls.mu_cmd[request]!;
  const table = calls.mu_table[request]!;
  switch (cmd) {
    case MMU_NORMAL_PT_UPDATE:
    case MMU_PT_UPDATE_PRESERVE_AD:
    case MMU_PT_UPDATE_NO_TRANSLATE: {
      if (!frames.get_page_from_mfn(table)) {
        return x.log.refuse(
          -EINVAL,
          "do_mmu_update",
          () => `table mfn ${hexFrame(table)}`,
          "the guest does not own it",
        );
      }
      const rc = write_entry(x, vcpu, calls, request, table, cmd === MMU_PT_UPDATE_PRESERVE_AD);
      frames.put_page(table);
      return rc;
    }
    case MMU_MACHPHYS_UPDATE:
      if (x.pg_owner !== OWNER_guest || !frames.get_page_from_mfn(table)) {
        return x.log.refuse(
          -EINVAL,
          "do_mmu_update",
          () => `machphys mfn ${hexFrame(table)}`,
          "the guest does not own it",
        );
      }
      frames.m2p[table] = calls.mu_frame[request]!;
      frames.put_page(table);
      return 0;
    default:
      return x.log.refuse(
        -ENOSYS,
        "do_mmu_update",
        () => `command ${cmd}`,
        "use commands 0 to 3, and 8-byte aligned entries",
      );
  }
}

function write_entry(
  x: Xen,
  vcpu: number,
  calls: CallBuffer,
  request: number,
  table: number,
  preserve: boolean,
): Rc {
  const { frames, mem, ledger } = x;
  const slot = calls.mu_slot[request]!;
  const frame = calls.mu_frame[request]!;
  const flags = calls.mu_flags[request]!;
  if (frames.typeCount[table]! > 0 && (frames.typeFlags[table]! & PGT_validated) !== 0) {
    const type = frames.type[table]!;
    if (type === PGT_l1_page_table) return mod_l1_entry(x, vcpu, table, slot, frame, flags, preserve);
    if (type <= PGT_l4_page_table) {
      if (x.pg_owner !== OWNER_guest) return -EINVAL;
      const rc = mod_lN_entry(x, vcpu, type, table, slot, frame, flags, preserve);
      if (rc === 0) x.touchedLevel = type;
      return rc;
    }
    if (type !== PGT_writable_page) {
      return x.log.refuse(
        -EINVAL,
        "do_mmu_update",
        () => `mfn ${hexFrame(table)}`,
        "its type takes no pagetable updates",
      );
    }
    ledger.count(vcpu, EV.raw_pte_write, 1);
    mem.set(table, slot, frame, flags);
    return 0;
  }
  // no use at all: it becomes writable for the moment
  const rc = _get_page_type(x, vcpu, table, PGT_writable_page);
  if (rc !== 0) return -EINVAL;
  ledger.count(vcpu, EV.raw_pte_write, 1);
  mem.set(table, slot, frame, flags);
  _put_page_type(x, vcpu, table, -1);
  return 0;
}
