/**
 * Type references: a frame is used as one thing at a time, and audited before its first use as a table.
 *
 * An audit, or its undoing, may be interrupted. The table is PGT_partial then: one type and one general reference
 * belong to that bit, and whoever clears it drops them or takes them over (XSA-299).
 *
 * Mirrors: _get_page_type(), _put_page_type(), validate_page(), devalidate_page(), page_lock(),
 *          get_page_and_type_from_mfn(), put_old_guest_table(), xen/arch/x86/mm.c (facts/xen.md 1.2, 1.6).
 * Differs: a step of one vCPU is not interrupted by another's, so nobody finds a table "being validated"; the type
 *          count does not overflow. No PTF_preemptible: all that use tables from L2 up can be preempted.
 */
import { EINTR, EINVAL, ERESTART, type Rc } from "../abi/errno.js";
import { hexFrame } from "./audit-log.js";
import { flush_type_change, stamp } from "./flush.js";
import {
  PGT_l1_page_table,
  PGT_l4_page_table,
  PGT_locked,
  PGT_non_coherent,
  PGT_none,
  PGT_pae_xen_l2,
  PGT_partial,
  PGT_seg_desc_page,
  PGT_type_mask,
  PGT_validated,
  PGT_writable_page,
  TYPE_NAMES,
} from "./frame-table.js";
import type { Xen } from "./xen.js";

/** How a reference is taken or dropped. Mirrors: PTF_*, mm.c. */
export const PTF_partial_set = 1;
export const PTF_defer = 8;
export const PTF_retain_ref_on_restart = 16;

/**
 * Take a reference to `mfn` for use as `type`, which may be PGT_l2_page_table | PGT_pae_xen_l2.
 *
 * Errors: -EINVAL    it is in use under another type.
 *         -EINTR     preempted, nothing has changed.
 *         -ERESTART  preempted, and the table is PGT_partial.
 *         others     what the audit of its contents answers (promote.ts).
 */
export function _get_page_type(x: Xen, vcpu: number, mfn: number, type: number): Rc {
  const { frames } = x;
  const flags = frames.typeFlags[mfn]!;
  const was = frames.type[mfn]!;
  const unused = frames.typeCount[mfn] === 0;
  if (unused) {
    if (was !== type) change_type(x, vcpu, mfn, type);
  } else if (was !== (type & PGT_type_mask) || ((flags ^ type) & PGT_pae_xen_l2) !== 0) {
    return x.log.refuse(
      -EINVAL,
      "_get_page_type",
      () => `mfn ${hexFrame(mfn)} as ${TYPE_NAMES[type & PGT_type_mask]}`,
      `it has ${frames.typeCount[mfn]} uses as ${TYPE_NAMES[was]}; drop them first`,
    );
  }
  const partial = !unused && (flags & PGT_validated) === 0;
  if (partial) frames.typeFlags[mfn]! &= ~PGT_partial; // its type reference is ours now
  if (!partial || !x.rules.resume_takes_over_ref) frames.typeCount[mfn]!++;
  if ((frames.typeFlags[mfn]! & PGT_validated) !== 0) return 0;

  if ((frames.typeFlags[mfn]! & PGT_non_coherent) !== 0 && type !== PGT_writable_page) {
    x.cache_flush(mfn);
    frames.typeFlags[mfn]! &= ~PGT_non_coherent;
  }
  if ((type & PGT_type_mask) > PGT_seg_desc_page) {
    frames.typeFlags[mfn]! |= PGT_validated;
    return 0;
  }
  if (!partial) {
    frames.nr_validated_ptes[mfn] = 0;
    frames.partial_flags[mfn] = 0;
    frames.linear_pt_count[mfn] = 0;
  } else if (!x.rules.resume_keeps_linear_count) frames.linear_pt_count[mfn] = 0;
  const rc = validate_page(x, vcpu, mfn, type);
  if (partial) put_partial_ref(x, mfn);
  return rc;
}

/** Type reference 0 -> 1, of a new type. The old type's translations go when the new one can be seen (XSA-401). */
function change_type(x: Xen, vcpu: number, mfn: number, type: number): void {
  if (!x.rules.flush_behind_type) {
    flush_type_change(x, vcpu, mfn);
    x.race_window?.("_get_page_type", mfn);
  }
  set_type(x, mfn, type);
  if (x.rules.flush_behind_type && x.rules.flush_by_old_type) flush_type_change(x, vcpu, mfn);
}

function set_type(x: Xen, mfn: number, type: number): void {
  const { frames } = x;
  frames.type[mfn] = type & PGT_type_mask;
  frames.typeFlags[mfn] =
    (frames.typeFlags[mfn]! & ~(PGT_validated | PGT_pae_xen_l2)) | (type & PGT_pae_xen_l2);
}

function validate_page(x: Xen, vcpu: number, mfn: number, type: number): Rc {
  const { frames } = x;
  const rc = x.promote_page(vcpu, mfn, type);
  if (rc === 0) frames.typeFlags[mfn]! |= PGT_validated;
  else if (rc === -EINTR) frames.typeCount[mfn] = 0;
  else if (rc === -ERESTART || x.vcpus.old_guest_table[vcpu] === mfn) set_partial(x, mfn);
  else {
    frames.type[mfn] = PGT_none;
    frames.typeFlags[mfn] = 0;
    frames.typeCount[mfn] = 0;
  }
  return rc;
}

/** PGT_partial owns the type reference that is there, and a general one of its own. */
function set_partial(x: Xen, mfn: number): void {
  if (x.rules.partial_owns_ref) x.frames.count[mfn]!++;
  x.frames.typeFlags[mfn]! |= PGT_partial;
}

function put_partial_ref(x: Xen, mfn: number): void {
  if (x.rules.partial_owns_ref) x.frames.put_page(mfn);
}

/**
 * Drop a type reference; with the last one a table is taken down. `ptpg` is the table that held the
 * reference, or -1: two tables of one level make a linear use. With PTF_partial_set the caller has no type reference, and
 * only finishes what PGT_partial left, if that is still set.
 *
 * Errors: -EINTR     preempted, the reference is still held.
 *         -ERESTART  preempted, and PGT_partial has it.
 */
export function _put_page_type(x: Xen, vcpu: number, mfn: number, flags: number, ptpg: number): Rc {
  const { frames } = x;
  const type = frames.type[mfn]!;
  const typeFlags = frames.typeFlags[mfn]!;
  if ((flags & PTF_partial_set) !== 0 && (typeFlags & PGT_partial) === 0) return 0;

  const left = frames.typeCount[mfn]! - 1;
  if (left === 0 && type <= PGT_l4_page_table && (typeFlags & (PGT_validated | PGT_partial)) !== 0) {
    frames.typeFlags[mfn] = typeFlags & ~(PGT_validated | PGT_partial);
    const rc = _put_final_page_type(x, vcpu, mfn, typeFlags, ptpg);
    if ((typeFlags & PGT_partial) !== 0) put_partial_ref(x, mfn);
    return rc;
  }
  // page_unlock() takes nothing down, so the last reference but the lock's waits for it
  if (left === 1 && (typeFlags & PGT_locked) !== 0 && x.rules.put_waits_for_lock) return -EINTR;
  frames.typeCount[mfn] = left;
  if (left === 0) stamp(x, mfn);
  if (ptpg >= 0 && frames.type[ptpg] === type) dec_linear(x, mfn, ptpg);
  return 0;
}

function _put_final_page_type(x: Xen, vcpu: number, mfn: number, typeFlags: number, ptpg: number): Rc {
  const { frames } = x;
  const type = frames.type[mfn]!;
  if ((typeFlags & PGT_partial) === 0) {
    frames.nr_validated_ptes[mfn] = x.mem.ptes;
    frames.partial_flags[mfn] = 0;
  }
  const rc = x.demote_page(vcpu, mfn, type);
  // a linear use ends when taking down begins
  if (ptpg >= 0 && frames.type[ptpg] === type && (typeFlags & PGT_validated) !== 0 && rc !== -EINTR)
    dec_linear(x, mfn, ptpg);
  if (rc === 0) {
    frames.typeCount[mfn]!--;
    stamp(x, mfn);
  } else if (rc === -EINTR) frames.typeFlags[mfn]! |= PGT_validated;
  else set_partial(x, mfn);
  return rc;
}

function dec_linear(x: Xen, mfn: number, ptpg: number): void {
  x.frames.linear_pt_count[mfn]!++;
  x.frames.linear_pt_count[ptpg]!--;
}

/**
 * A general and a type reference of the guest's frame `mfn`. With PTF_partial_set the general one is there already.
 *
 * Errors: -EINVAL, not the guest's; else as _get_page_type().
 */
export function get_page_and_type_from_mfn(
  x: Xen,
  vcpu: number,
  mfn: number,
  type: number,
  flags: number,
): Rc {
  const { frames } = x;
  const partial_set = (flags & PTF_partial_set) !== 0;
  if (!partial_set && !frames.get_page_from_mfn(mfn)) {
    return x.log.refuse(
      -EINVAL,
      "get_page_from_mfn",
      () => `mfn ${hexFrame(mfn)}`,
      "the guest does not own it; use own RAM",
    );
  }
  const rc = _get_page_type(x, vcpu, mfn, type);
  if (rc === 0 || partial_set) return rc;
  const retained = rc === -ERESTART && (flags & PTF_retain_ref_on_restart) !== 0;
  if (!retained && !(x.vcpus.old_guest_table[vcpu] === mfn && x.rules.old_table_keeps_ref))
    frames.put_page(mfn);
  return rc;
}

/** Drop both. Errors: as _put_page_type(), with both still held. */
export function put_page_and_type_preemptible(x: Xen, vcpu: number, mfn: number): Rc {
  const rc = _put_page_type(x, vcpu, mfn, 0, -1);
  if (rc === 0) x.frames.put_page(mfn);
  return rc;
}

/** Drop both, of a frame whose taking down cannot be preempted: an L1, descriptors, data. */
export function put_page_and_type(x: Xen, vcpu: number, mfn: number): void {
  _put_page_type(x, vcpu, mfn, 0, -1);
  x.frames.put_page(mfn);
}

/** Leave `mfn` to put_old_guest_table(): `partial`, PGT_partial has its type reference; else it comes along. */
export function set_old_guest_table(x: Xen, vcpu: number, mfn: number, ptpg: number, partial: boolean): void {
  const { vcpus } = x;
  vcpus.old_guest_table[vcpu] = mfn;
  vcpus.old_guest_ptpg[vcpu] = ptpg < 0 ? 0 : ptpg;
  vcpus.old_guest_table_partial[vcpu] = partial ? 1 : 0;
}

/** As put_page_and_type_preemptible(); what is left goes to old_guest_table, -ERESTART says so. */
export function put_or_defer(x: Xen, vcpu: number, mfn: number): Rc {
  const rc = put_page_and_type_preemptible(x, vcpu, mfn);
  if (rc === 0) return 0;
  set_old_guest_table(x, vcpu, mfn, -1, rc === -ERESTART);
  return -ERESTART;
}

/**
 * Finish taking down what a failed audit, a changed entry or a preempted drop left behind.
 *
 * Errors: -ERESTART  preempted; there is more to do.
 */
export function put_old_guest_table(x: Xen, vcpu: number): Rc {
  const { vcpus } = x;
  const mfn = vcpus.old_guest_table[vcpu]!;
  if (mfn === 0) return 0;
  const flags = vcpus.old_guest_table_partial[vcpu] !== 0 ? PTF_partial_set : 0;
  const rc = _put_page_type(x, vcpu, mfn, flags, vcpus.old_guest_ptpg[vcpu]! || -1);
  if (rc !== 0) {
    vcpus.old_guest_table_partial[vcpu] = rc === -ERESTART ? 1 : 0;
    return -ERESTART;
  }
  x.frames.put_page(mfn);
  set_old_guest_table(x, vcpu, 0, -1, true);
  return 0;
}

/** Hold a validated frame in its use while one entry of it is written. False if it has no use. */
export function page_lock(x: Xen, mfn: number): boolean {
  const { frames } = x;
  if (frames.typeCount[mfn] === 0 || (frames.typeFlags[mfn]! & PGT_validated) === 0) return false;
  frames.typeCount[mfn]!++;
  frames.typeFlags[mfn]! |= PGT_locked;
  return true;
}

export function page_unlock(x: Xen, mfn: number): void {
  x.frames.typeCount[mfn]!--;
  x.frames.typeFlags[mfn]! &= ~PGT_locked;
}

/** Is `type` that of a pagetable? */
export function is_page_table(type: number): boolean {
  return type >= PGT_l1_page_table && type <= PGT_l4_page_table;
}
