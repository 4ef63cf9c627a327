/**
 * Type references: a frame is used as one thing at a time, and audited before its first use as a pagetable.
 *
 * Mirrors: _get_page_type(), _put_page_type(), get_page_and_type_from_mfn(), xen/arch/x86/mm.c (facts/xen.md 1.2).
 * Differs: validation is not preempted, so -ERESTART and PGT_partial appear only where an audit failed and its
 *          remains wait in old_guest_table. No stamp of the TLB clock: where a type changes, stale entries are the
 *          concern of hw/tlb.ts and its checker.
 */
import { EINVAL, type Rc } from "../abi/errno.js";
import { hexFrame } from "./audit-log.js";
import {
  PGT_l1_page_table,
  PGT_l4_page_table,
  PGT_partial,
  PGT_pinned,
  PGT_validated,
  TYPE_NAMES,
} from "./frame-table.js";
import type { Xen } from "./xen.js";

/**
 * Take a reference to `mfn` for use as `type`.
 *
 * Errors: -EINVAL  it is in use under another type, or is being validated.
 *         others   what the audit of its contents answers (promote.ts).
 */
export function _get_page_type(x: Xen, vcpu: number, mfn: number, type: number): Rc {
  const { frames } = x;
  if (frames.typeCount[mfn] === 0) {
    if (frames.type[mfn] !== type) {
      frames.type[mfn] = type;
      frames.typeFlags[mfn]! &= ~(PGT_validated | PGT_partial);
    }
  } else if (frames.type[mfn] !== type) {
    return x.log.refuse(
      -EINVAL,
      "_get_page_type",
      () => `mfn ${hexFrame(mfn)} as ${TYPE_NAMES[type]}`,
      `it has ${frames.typeCount[mfn]} uses as ${TYPE_NAMES[frames.type[mfn]!]}; drop them first`,
    );
  } else if ((frames.typeFlags[mfn]! & PGT_validated) === 0) {
    return x.log.refuse(
      -EINVAL,
      "_get_page_type",
      () => `mfn ${hexFrame(mfn)}`,
      "it is being validated; use it afterwards",
    );
  }

  frames.typeCount[mfn]!++;
  if ((frames.typeFlags[mfn]! & PGT_validated) !== 0) return 0;
  if (type >= PGT_l1_page_table && type <= PGT_l4_page_table) {
    const rc = x.promote_table(vcpu, mfn, type);
    if (rc !== 0) return rc;
  }
  frames.typeFlags[mfn]! |= PGT_validated;
  return 0;
}

/**
 * Drop a type reference; with the last one a pagetable is taken down. `ptpg` is the table that held the
 * reference, or -1: two tables of one level make a linear use.
 */
export function _put_page_type(x: Xen, vcpu: number, mfn: number, ptpg: number): void {
  const { frames } = x;
  const type = frames.type[mfn]!;
  if (frames.typeCount[mfn] === 1 && type >= PGT_l1_page_table && type <= PGT_l4_page_table) {
    if ((frames.typeFlags[mfn]! & (PGT_validated | PGT_partial)) !== 0) {
      x.demote_table(vcpu, mfn, type);
      frames.typeFlags[mfn]! &= ~(PGT_validated | PGT_partial);
    }
  }
  frames.typeCount[mfn]!--;
  if (ptpg >= 0 && frames.type[ptpg] === type) {
    frames.linear[mfn]!++;
    frames.linear[ptpg]!--;
  }
}

/** A general and a type reference of the guest's frame `mfn`. Errors: -EINVAL, not the guest's; else as above. */
export function get_page_and_type_from_mfn(x: Xen, vcpu: number, mfn: number, type: number): Rc {
  const { frames } = x;
  if (!frames.get_page_from_mfn(mfn)) {
    return x.log.refuse(
      -EINVAL,
      "get_page_from_mfn",
      () => `mfn ${hexFrame(mfn)}`,
      "the guest does not own it; use own RAM",
    );
  }
  const rc = _get_page_type(x, vcpu, mfn, type);
  if (rc !== 0) frames.put_page(mfn);
  return rc;
}

export function put_page_and_type(x: Xen, vcpu: number, mfn: number): void {
  _put_page_type(x, vcpu, mfn, -1);
  x.frames.put_page(mfn);
}

/** Finish taking down what a failed audit or a changed entry left behind. Mirrors: put_old_guest_table(). */
export function put_old_guest_table(x: Xen, vcpu: number): void {
  const mfn = x.vcpus.old_guest_table[vcpu]!;
  if (mfn === 0) return;
  x.vcpus.old_guest_table[vcpu] = 0;
  put_page_and_type(x, vcpu, mfn);
}

export { PGT_pinned };
