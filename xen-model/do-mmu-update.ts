/**
 * do_mmu_update(): requests one by one, each by the type of the frame it writes to.
 *
 * Mirrors: do_mmu_update(), xen/arch/x86/mm.c (facts/xen.md 1.8).
 * Differs: one domain and the system domains, so any other foreigndom is -ESRCH, and PFD is the guest itself.
 */
import { cpumask_first } from "../abi/cpumask.js";
import { EINTR, EINVAL, ENOSYS, ERESTART, ESRCH, type Rc } from "../abi/errno.js";
import { EV } from "../abi/events.js";
import { type CallBuffer, DOMID_IO, DOMID_SELF, DOMID_XEN } from "../abi/hypercalls.js";
import {
  MMU_MACHPHYS_UPDATE,
  MMU_NORMAL_PT_UPDATE,
  MMU_PT_UPDATE_NO_TRANSLATE,
  MMU_PT_UPDATE_PRESERVE_AD,
} from "../abi/mmu-update.js";
import { hexFrame } from "./audit-log.js";
import { AGAIN, DONE, NEXT, path, step } from "../abi/path.js";
import { begin_requests, end_requests, may_go_on } from "./continuation.js";
import { add_pt_update, flush_after_pt_update, flush_after_pt_update_steps } from "./flush.js";
import {
  OWNER_guest,
  OWNER_io,
  OWNER_xen,
  PGT_l1_page_table,
  PGT_l4_page_table,
  PGT_writable_page,
  TYPE_NAMES,
} from "./frame-table.js";
import { map_domain_page, unmap_domain_page } from "./mapcache.js";
import { mod_l1_entry, mod_lN_entry } from "./mod-entries.js";
import { _get_page_type, _put_page_type, page_lock, page_unlock } from "./page-type.js";
import { update_l4e } from "./update-l4e.js";
import { update_l1es_in_use } from "./update-l1es-in-use.js";
import { update_own_l4es } from "./update-own-l4es.js";
import type { Xen } from "./xen.js";

/** The guest is the hardware domain. The upper half of foreigndom is the tables' owner, plus one. */
const OWN_DOMID = 0;

/** The steps; requests.calls and requests.row are the arguments, requests.rc the answer. */
export const do_mmu_update_path = path<Xen>("do_mmu_update", [
  step("do_mmu_update", begin_mmu_update),
  step("mod_entry", mod_entry),
  ...flush_after_pt_update_steps,
]);

/**
 * The call in `row` of `calls`. calls.done[row] is the number of requests that succeeded. With `inPlace` nobody looks
 * between two entries into the call, and what is plain goes on without leaving it. The steps in a row, as runPath() does them, by name,
 * so that V8 compiles the loop over the requests into one piece.
 */
export function do_mmu_update(x: Xen, vcpu: number, calls: CallBuffer, row: number, inPlace: boolean): Rc {
  const { requests } = x;
  requests.calls[vcpu] = calls;
  requests.row[vcpu] = row;
  let answer = begin_mmu_update(x, vcpu);
  if (answer === NEXT && inPlace) answer = update_own_l4es(x, vcpu);
  if (answer === NEXT) {
    if (inPlace) update_l1es_in_use(x, vcpu);
    do answer = mod_entry(x, vcpu);
    while (answer === AGAIN);
    if (answer === NEXT) flush_after_pt_update(x, vcpu);
  }
  return requests.end(vcpu);
}

function begin_mmu_update(x: Xen, vcpu: number): number {
  const { requests: r, ledger } = x;
  if (!begin_requests(x, vcpu)) return DONE;
  if (r.resumed[vcpu] === 0) ledger.count(vcpu, EV.mmu_update_items, r.count[vcpu]!);
  const foreigndom = r.calls[vcpu]!.domid[r.row[vcpu]!]!;
  if (foreigndom > 0xffff && foreigndom >>> 16 !== OWN_DOMID + 1) {
    r.rc[vcpu] = -ESRCH; // PFD, and no *pdone
    return DONE;
  }
  const owner = get_pg_owner(foreigndom & 0xffff);
  if (owner < 0) {
    r.rc[vcpu] = owner;
    end_requests(x, vcpu);
    return DONE;
  }
  x.pg_owner = owner;
  return NEXT;
}

function mod_entry(x: Xen, vcpu: number): number {
  const { requests: r } = x;
  if (may_go_on(x, vcpu)) {
    const rc = one_update(x, vcpu, r.calls[vcpu]!, r.first[vcpu]! + r.i[vcpu]!);
    r.rc[vcpu] = rc;
    if (rc === 0) {
      r.i[vcpu]!++;
      return AGAIN;
    }
  }
  unmap_table(x, vcpu);
  x.pg_owner = OWNER_guest;
  end_requests(x, vcpu);
  // before anything else runs, as Xen's linear mappings may be stale (XSA-286)
  return cpumask_first(r.pcpus, vcpu * r.words, r.words) >= 0 && x.rules.flush_linear_pt ? NEXT : DONE;
}

/**
 * Whose frames a call maps: the guest's own, or those of a system domain, where a guest may name one.
 *
 * Errors: -ESRCH  no such domain, or not for this guest; also the guest's own number.
 * Mirrors: get_pg_owner(), xen/common/page_alloc.c.
 */
export function get_pg_owner(domid: number): number {
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
  const mfn = calls.mu_table[request]!;
  if (cmd === MMU_NORMAL_PT_UPDATE && update_l4e(x, vcpu, calls, request)) return 0;
  switch (cmd) {
    case MMU_NORMAL_PT_UPDATE:
    case MMU_PT_UPDATE_PRESERVE_AD:
    case MMU_PT_UPDATE_NO_TRANSLATE: {
      if (!frames.get_page_from_mfn(mfn)) {
        return x.log.refuse(
          -EINVAL,
          "do_mmu_update",
          () => `table mfn ${hexFrame(mfn)}`,
          "the guest does not own it",
        );
      }
      map_table(x, vcpu, mfn);
      const rc = page_lock(x, mfn)
        ? update_locked(x, vcpu, calls, request, mfn, cmd === MMU_PT_UPDATE_PRESERVE_AD)
        : update_unused(x, vcpu, calls, request, mfn);
      frames.put_page(mfn);
      return rc;
    }
    case MMU_MACHPHYS_UPDATE:
      if (x.pg_owner !== OWNER_guest || !frames.get_page_from_mfn(mfn)) {
        return x.log.refuse(
          -EINVAL,
          "do_mmu_update",
          () => `machphys mfn ${hexFrame(mfn)}`,
          "the guest does not own it",
        );
      }
      frames.m2p[mfn] = calls.mu_frame[request]!;
      frames.put_page(mfn);
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

/** The table of a request stays mapped for the next. */
function map_table(x: Xen, vcpu: number, mfn: number): void {
  const { mapped, mapped_at } = x.requests;
  if (x.mapcache === undefined || mapped[vcpu] === mfn + 1) return;
  unmap_table(x, vcpu);
  mapped[vcpu] = mfn + 1;
  mapped_at[vcpu] = map_domain_page(x, vcpu, mfn);
}

function unmap_table(x: Xen, vcpu: number): void {
  const { mapped, mapped_at } = x.requests;
  if (mapped[vcpu] === 0) return;
  mapped[vcpu] = 0;
  unmap_domain_page(x, vcpu, mapped_at[vcpu]!);
}

/** The frame is in use, and locked in it; unlocks it. */
function update_locked(
  x: Xen,
  vcpu: number,
  calls: CallBuffer,
  request: number,
  mfn: number,
  preserve_ad: boolean,
): Rc {
  const slot = calls.mu_slot[request]!;
  const frame = calls.mu_frame[request]!;
  const flags = calls.mu_flags[request]!;
  const type = x.frames.type[mfn]!;
  let rc: Rc = -EINVAL;
  if (type === PGT_l1_page_table) rc = mod_l1_entry(x, vcpu, mfn, slot, frame, flags, preserve_ad);
  else if (type <= PGT_l4_page_table) {
    if (x.pg_owner === OWNER_guest) rc = mod_lN_entry(x, vcpu, type, mfn, slot, frame, flags, preserve_ad);
    x.race_window?.("page_lock", mfn);
  } else if (type === PGT_writable_page) {
    x.ledger.count(vcpu, EV.raw_pte_write, 1);
    x.mem.set(mfn, slot, frame, flags);
    rc = 0;
  } else {
    x.log.refuse(
      -EINVAL,
      "do_mmu_update",
      () => `mfn ${hexFrame(mfn)}`,
      `as ${TYPE_NAMES[type]} it takes no pagetable updates`,
    );
  }
  if (rc === 0 || x.rules.unlock_on_error) page_unlock(x, mfn);
  if (rc === 0 && type !== PGT_l1_page_table && type <= PGT_l4_page_table) {
    const isRoot = type === PGT_l4_page_table;
    const { roots } = x.requests;
    add_pt_update(x, vcpu, isRoot ? mfn : 0);
    if (isRoot) roots[vcpu]! |= x.root.l4_changed(x, vcpu, mfn);
  }
  return rc === -EINTR ? -ERESTART : rc;
}

/** The frame has no use: it becomes writable for the moment. Errors: -EINVAL  it is partly validated. */
function update_unused(x: Xen, vcpu: number, calls: CallBuffer, request: number, mfn: number): Rc {
  if (_get_page_type(x, vcpu, mfn, PGT_writable_page) !== 0) return -EINVAL;
  x.ledger.count(vcpu, EV.raw_pte_write, 1);
  x.mem.set(mfn, calls.mu_slot[request]!, calls.mu_frame[request]!, calls.mu_flags[request]!);
  _put_page_type(x, vcpu, mfn, 0, -1);
  return 0;
}
