/**
 * do_mmuext_op(): pins, base pointers, flushes.
 *
 * Mirrors: do_mmuext_op(), xen/arch/x86/mm.c (facts/xen.md 1.8).
 * Differs: one domain and the system domains, so any other foreigndom is -ESRCH. Low memory, which is
 *          DOMID_IO's, has no contents to be audited.
 */
import { EACCES, EINTR, EINVAL, ENOSYS, EOPNOTSUPP, EPERM, ERESTART, type Rc } from "../abi/errno.js";
import { EV } from "../abi/events.js";
import { type CallBuffer, DOMID_SELF } from "../abi/hypercalls.js";
import * as op from "../abi/mmuext-op.js";
import { mfn as asMfn } from "../abi/frames.js";
import { hexFrame } from "./audit-log.js";
import { AGAIN, DONE, NEXT, path, step } from "../abi/path.js";
import { begin_requests, end_requests, may_go_on } from "./continuation.js";
import { MORE, new_guest_cr3, new_user_baseptr } from "./cr3.js";
import { set_ldt } from "./descriptor-tables.js";
import { get_pg_owner } from "./do-mmu-update.js";
import {
  dirty_mask,
  flush_cache_others,
  flush_tlb_local,
  flush_tlb_mask,
  flush_tlb_one_local,
  flush_tlb_one_mask,
  pcpus_of_op,
} from "./flush.js";
import { OWNER_guest, PGT_l1_page_table, PGT_locked, PGT_pinned, PGT_writable_page } from "./frame-table.js";
import { addr_ok, is_canonical } from "./guest-access.js";
import { touch_domain_page } from "./mapcache.js";
import { _get_page_type, put_or_defer, put_page_and_type, set_old_guest_table } from "./page-type.js";
import type { Xen } from "./xen.js";

/** The steps; requests.calls and requests.row are the arguments, requests.rc the answer. */
export const do_mmuext_op_path = path<Xen>("do_mmuext_op", [
  step("do_mmuext_op", begin_mmuext_op),
  step("one_op", next_op),
]);

/**
 * The call in `row` of `calls`. calls.done[row] is the number of ops that succeeded. With `inPlace`, a flush alone is done at once. The steps in a row, as
 * runPath() does them, by name, so that V8 compiles the loop over the ops into one piece.
 */
export function do_mmuext_op(x: Xen, vcpu: number, calls: CallBuffer, row: number, inPlace = false): Rc {
  if (inPlace && is_one_plain_op(x, vcpu, calls, row)) return one_op_at_once(x, vcpu, calls, row);
  const { requests } = x;
  requests.calls[vcpu] = calls;
  requests.row[vcpu] = row;
  if (begin_mmuext_op(x, vcpu) === NEXT) while (next_op(x, vcpu) === AGAIN);
  return requests.end(vcpu);
}

/** Is the call one flush of the own TLB, or the pin or unpin of an L1: nothing that could be preempted, or leaves a table behind? */
function is_one_plain_op(x: Xen, vcpu: number, calls: CallBuffer, row: number): boolean {
  if (calls.count[row] !== 1 || calls.domid[row] !== DOMID_SELF) return false;
  if (x.vcpus.old_guest_table[vcpu] !== 0) return false;
  const first = calls.first[row]!;
  switch (calls.mx_cmd[first]) {
    case op.MMUEXT_TLB_FLUSH_LOCAL:
    case op.MMUEXT_INVLPG_LOCAL:
    case op.MMUEXT_PIN_L1_TABLE:
      return true;
    case op.MMUEXT_UNPIN_TABLE: {
      const { type, typeFlags } = x.frames;
      const mfn = calls.mx_mfn[first]!;
      return type[mfn] === PGT_l1_page_table && (typeFlags[mfn]! & PGT_locked) === 0; // its last use waits for nobody
    }
    default:
      return false;
  }
}

/**
 * Such a call in one piece: the steps would leave their registers as they were. test/xen-model/one-mmuext-op.test.ts holds it equal
 * to them.
 */
function one_op_at_once(x: Xen, vcpu: number, calls: CallBuffer, row: number): Rc {
  x.ledger.count(vcpu, EV.mmuext_op_items, 1);
  const rc = one_op(x, vcpu, calls, calls.first[row]!);
  calls.done[row] = rc === 0 ? 1 : 0;
  return rc;
}

/** MMUEXT_TLB_FLUSH_LOCAL or MMUEXT_INVLPG_LOCAL, the page of which is `va`. */
function flush_local(x: Xen, vcpu: number, cmd: number, va: number): void {
  if (cmd === op.MMUEXT_TLB_FLUSH_LOCAL) {
    x.ledger.count(vcpu, EV.tlb_flush_op, 1);
    flush_tlb_local(x, vcpu);
  } else {
    x.ledger.count(vcpu, EV.invlpg_op, 1);
    if (is_canonical(va)) flush_tlb_one_local(x, vcpu, va);
  }
}

function begin_mmuext_op(x: Xen, vcpu: number): number {
  const { requests: r, ledger } = x;
  if (!begin_requests(x, vcpu)) return DONE;
  if (r.resumed[vcpu] === 0) ledger.count(vcpu, EV.mmuext_op_items, r.count[vcpu]!);
  const owner = get_pg_owner(r.calls[vcpu]!.domid[r.row[vcpu]!]! & 0xffff);
  if (owner < 0) {
    r.rc[vcpu] = owner;
    return DONE;
  }
  x.pg_owner = owner;
  return NEXT;
}

function next_op(x: Xen, vcpu: number): number {
  const { requests: r } = x;
  if (r.part[vcpu] !== 0 || may_go_on(x, vcpu)) {
    const rc = one_op(x, vcpu, r.calls[vcpu]!, r.first[vcpu]! + r.i[vcpu]!);
    if (rc === MORE) {
      r.part[vcpu]!++;
      return AGAIN;
    }
    r.part[vcpu] = 0;
    r.rc[vcpu] = rc;
    if (rc === 0) {
      r.i[vcpu]!++;
      return AGAIN;
    }
  }
  x.pg_owner = OWNER_guest;
  end_requests(x, vcpu);
  return DONE;
}

/** One op, or the next part of it: MORE, then it is to be called again. */
function one_op(x: Xen, vcpu: number, calls: CallBuffer, request: number): Rc {
  const cmd = calls.mx_cmd[request]!;
  if (x.pg_owner !== OWNER_guest) return foreign_op(cmd);
  const mfn = calls.mx_mfn[request]!;
  const va = calls.mx_va[request]!;
  const arg = calls.mx_arg[request]!;
  switch (cmd) {
    case op.MMUEXT_PIN_L1_TABLE:
    case op.MMUEXT_PIN_L2_TABLE:
    case op.MMUEXT_PIN_L3_TABLE:
    case op.MMUEXT_PIN_L4_TABLE:
      if (x.pv32 && cmd === op.MMUEXT_PIN_L4_TABLE) return 0;
      return pin_table(x, vcpu, mfn, cmd + 1);
    case op.MMUEXT_UNPIN_TABLE:
      return unpin_table(x, vcpu, mfn);
    case op.MMUEXT_NEW_BASEPTR:
      return new_guest_cr3(x, vcpu, mfn, "MMUEXT_NEW_BASEPTR");
    case op.MMUEXT_NEW_USER_BASEPTR:
      return new_user_baseptr(x, vcpu, mfn);
    case op.MMUEXT_TLB_FLUSH_LOCAL:
    case op.MMUEXT_INVLPG_LOCAL:
      flush_local(x, vcpu, cmd, va);
      return 0;
    case op.MMUEXT_TLB_FLUSH_MULTI:
      x.ledger.count(vcpu, EV.tlb_flush_op, 1);
      flush_tlb_mask(x, vcpu, pcpus_of_op(x, calls, request));
      return 0;
    case op.MMUEXT_TLB_FLUSH_ALL:
      x.ledger.count(vcpu, EV.tlb_flush_op, 1);
      flush_tlb_mask(x, vcpu, dirty_mask(x));
      return 0;
    case op.MMUEXT_INVLPG_MULTI:
      x.ledger.count(vcpu, EV.invlpg_op, 1);
      if (addr_ok(va)) flush_tlb_one_mask(x, vcpu, pcpus_of_op(x, calls, request), va);
      return 0;
    case op.MMUEXT_INVLPG_ALL:
      x.ledger.count(vcpu, EV.invlpg_op, 1);
      if (addr_ok(va)) flush_tlb_one_mask(x, vcpu, dirty_mask(x), va);
      return 0;
    case op.MMUEXT_FLUSH_CACHE:
      if (!x.map.devices) return -EACCES;
      if (x.config.version !== "4.17") flush_cache_others(x, vcpu);
      return 0;
    case op.MMUEXT_FLUSH_CACHE_GLOBAL:
      if (!x.map.devices) return x.config.version === "4.17" ? -EINVAL : -EACCES;
      flush_cache_others(x, vcpu);
      return 0;
    case op.MMUEXT_SET_LDT:
      return set_ldt(x, va, mfn, arg);
    case op.MMUEXT_CLEAR_PAGE:
      return with_writable(x, vcpu, mfn, () => {
        touch_domain_page(x, vcpu, mfn);
        x.mem.clear_page(asMfn(mfn));
      });
    case op.MMUEXT_COPY_PAGE: {
      if (!x.frames.get_page_from_mfn(arg)) return -EINVAL;
      const rc = with_writable(x, vcpu, mfn, () => {
        touch_domain_page(x, vcpu, arg);
        touch_domain_page(x, vcpu, mfn);
        x.mem.copy_page(asMfn(mfn), asMfn(arg));
      });
      x.frames.put_page(arg);
      return rc;
    }
    case op.MMUEXT_MARK_SUPER:
    case op.MMUEXT_UNMARK_SUPER:
      return -EOPNOTSUPP;
    default:
      return -ENOSYS;
  }
}

/** An op on frames of a system domain: none can be pinned or loaded, and only one's own TLB is flushed. */
function foreign_op(cmd: number): Rc {
  switch (cmd) {
    case op.MMUEXT_PIN_L1_TABLE:
    case op.MMUEXT_PIN_L2_TABLE:
    case op.MMUEXT_PIN_L3_TABLE:
    case op.MMUEXT_PIN_L4_TABLE:
    case op.MMUEXT_UNPIN_TABLE:
    case op.MMUEXT_CLEAR_PAGE:
    case op.MMUEXT_COPY_PAGE:
      return -EINVAL;
    case op.MMUEXT_MARK_SUPER:
    case op.MMUEXT_UNMARK_SUPER:
      return -EOPNOTSUPP;
    default:
      return cmd <= op.MMUEXT_FLUSH_CACHE_GLOBAL && cmd !== 14 ? -EPERM : -ENOSYS;
  }
}

/**
 * MMUEXT_PIN_L1_TABLE..MMUEXT_PIN_L4_TABLE.
 *
 * Errors: -EINVAL  not the guest's, or already pinned; -ERESTART; else what the audit answers.
 */
function pin_table(x: Xen, vcpu: number, mfn: number, level: number): Rc {
  const { frames, vcpus } = x;
  if (!frames.get_page_from_mfn(mfn)) {
    return x.log.refuse(-EINVAL, "MMUEXT_PIN", () => `mfn ${hexFrame(mfn)}`, "the guest does not own it");
  }
  const rc = _get_page_type(x, vcpu, mfn, level);
  if (rc !== 0) {
    // what a failed audit left partial keeps our reference, until it is taken down (XSA-58)
    if (vcpus.old_guest_table[vcpu] !== mfn || !x.rules.old_table_keeps_ref) frames.put_page(mfn);
    return rc === -EINTR ? -ERESTART : rc;
  }
  if (frames.is_pinned(mfn)) {
    if (level === PGT_l1_page_table) put_page_and_type(x, vcpu, mfn);
    else set_old_guest_table(x, vcpu, mfn, -1, false);
    return x.log.refuse(
      -EINVAL,
      "MMUEXT_PIN",
      () => `mfn ${hexFrame(mfn)}`,
      "it is pinned already; pins do not nest",
    );
  }
  frames.typeFlags[mfn]! |= PGT_pinned;
  if (!x.rules.pin_holds_refs) put_page_and_type(x, vcpu, mfn);
  x.ledger.count(vcpu, EV.table_pinned, 1);
  return 0;
}

/** MMUEXT_UNPIN_TABLE; counts as done where it is preempted. Errors: -EINVAL  not the guest's, or not pinned. */
function unpin_table(x: Xen, vcpu: number, mfn: number): Rc {
  const { frames } = x;
  if (!frames.get_page_from_mfn(mfn)) {
    return x.log.refuse(
      -EINVAL,
      "MMUEXT_UNPIN_TABLE",
      () => `mfn ${hexFrame(mfn)}`,
      "the guest does not own it",
    );
  }
  if (!frames.is_pinned(mfn)) {
    frames.put_page(mfn);
    return x.log.refuse(-EINVAL, "MMUEXT_UNPIN_TABLE", () => `mfn ${hexFrame(mfn)}`, "it is not pinned");
  }
  frames.typeFlags[mfn]! &= ~PGT_pinned;
  put_or_defer(x, vcpu, mfn);
  frames.put_page(mfn);
  x.ledger.count(vcpu, EV.table_unpinned, 1);
  return 0;
}

/** Do `write` while the frame is held as a writable page. Errors: -EINVAL if it cannot be. */
function with_writable(x: Xen, vcpu: number, mfn: number, write: () => void): Rc {
  const { frames } = x;
  if (!frames.get_page_from_mfn(mfn)) return -EINVAL;
  if (_get_page_type(x, vcpu, mfn, PGT_writable_page) !== 0) {
    frames.put_page(mfn);
    return -EINVAL;
  }
  write();
  put_page_and_type(x, vcpu, mfn);
  return 0;
}
