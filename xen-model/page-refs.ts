/**
 * References that entries hold: what a present entry of each level takes, and gives back.
 *
 * Mirrors: get_page_from_l1e()..get_page_from_l4e(), put_page_from_l1e()..put_page_from_l4e(),
 *          define_get_linear_pagetable(), xen/arch/x86/mm.c (facts/xen.md 1.2, 1.3, 1.6).
 */
import { EACCES, EBUSY, EINVAL, EPERM, type Rc } from "../abi/errno.js";
import {
  _PAGE_PAT,
  _PAGE_PCD,
  _PAGE_PRESENT,
  _PAGE_PWT,
  _PAGE_RW,
  _PAGE_GLOBAL,
  _PAGE_PSE,
} from "../abi/page.js";
import { hexFrame } from "./audit-log.js";
import { OWNER_guest, OWNER_xen, PGT_validated, PGT_writable_page } from "./frame-table.js";
import { INVALID_ENTRY_FRAME, io_class } from "./memory-map.js";
import { _get_page_type, _put_page_type, get_page_and_type_from_mfn } from "./page-type.js";
import type { Xen } from "./xen.js";

const PAGE_CACHE_ATTRS = _PAGE_PAT | _PAGE_PCD | _PAGE_PWT;

/** Flags that no present entry above L1 may have. Mirrors: L2_DISALLOW_MASK.. */
export const L2_DISALLOW_MASK = _PAGE_PWT | _PAGE_PCD | _PAGE_PSE | _PAGE_GLOBAL;

/** Flags that no present L1 entry may have; a guest with devices may choose cache attributes. */
export function l1_disallow_mask(x: Xen): number {
  return x.map.devices ? 0 : PAGE_CACHE_ATTRS;
}

/**
 * Take the references of an L1 entry. Returns 0, flags to flip in the entry (> 0), or
 *
 * Errors: -EINVAL  disallowed flags, or no frame at all.
 *         -EPERM   a device's frame that the guest may not map.
 *         -EBUSY   another's frame, or a writable mapping of a pagetable.
 *         -EACCES  cache attributes on a frame of Xen's heap.
 */
export function get_page_from_l1e(x: Xen, vcpu: number, mfn: number, flags: number): Rc {
  if ((flags & _PAGE_PRESENT) === 0) return 0;
  const { frames } = x;
  if ((flags & l1_disallow_mask(x)) !== 0) {
    return x.log.refuse(
      -EINVAL,
      "get_page_from_l1e",
      () => `flags ${hexFrame(flags)}`,
      "PWT, PCD and PAT are for guests with devices",
    );
  }
  if (!frames.mfn_valid(mfn)) return get_io_page(x, mfn, flags);
  if (frames.owner[mfn] !== OWNER_guest || x.pg_owner !== OWNER_guest) {
    return x.log.refuse(
      -EBUSY,
      "get_page_from_l1e",
      () => `mfn ${hexFrame(mfn)}`,
      "another owns it; map own RAM",
    );
  }
  if (frames.special[mfn] !== 0 && (flags & PAGE_CACHE_ATTRS) !== 0) {
    // a writable mapping of a page in use as a table would be -EBUSY first, but Xen's heap is none
    return x.log.refuse(
      -EACCES,
      "get_page_from_l1e",
      () => `mfn ${hexFrame(mfn)}`,
      "Xen's heap stays write-back",
    );
  }
  frames.count[mfn]!++;
  if ((flags & _PAGE_RW) !== 0 && _get_page_type(x, vcpu, mfn, PGT_writable_page) !== 0) {
    frames.put_page(mfn);
    return x.log.refuse(
      -EBUSY,
      "get_page_from_l1e",
      () => `mfn ${hexFrame(mfn)}`,
      "it is in use as a table; map it read-only",
    );
  }
  return 0;
}

function get_io_page(x: Xen, mfn: number, flags: number): Rc {
  const io = io_class(x.map, mfn);
  if (io === "denied" || x.pg_owner === OWNER_xen) {
    if (mfn === INVALID_ENTRY_FRAME) return -EINVAL;
    return x.log.refuse(
      -EPERM,
      "get_page_from_l1e",
      () => `mfn ${hexFrame(mfn)}`,
      "no RAM, and no device of this guest",
    );
  }
  let flip = io === "mmio-ro" ? flags & _PAGE_RW : 0;
  const attributes = flags & PAGE_CACHE_ATTRS;
  if (attributes === 0) flip |= _PAGE_PWT | _PAGE_PCD;
  else if (attributes === _PAGE_PWT)
    flip |= _PAGE_PCD; // WT becomes UC
  else if (attributes === (_PAGE_PAT | _PAGE_PWT)) flip |= _PAGE_PAT | _PAGE_PCD; // WP becomes UC
  return flip;
}

/** Drop the references of an L1 entry. */
export function put_page_from_l1e(x: Xen, vcpu: number, mfn: number, flags: number): void {
  if ((flags & _PAGE_PRESENT) === 0 || !x.frames.mfn_valid(mfn)) return;
  if ((flags & _PAGE_RW) !== 0) _put_page_type(x, vcpu, mfn, -1);
  x.frames.put_page(mfn);
}

/**
 * Take the references of an entry of `level` 2..4 in `table`: a general one and a type one of the level below, or
 * those of a linear use of the same level.
 */
export function get_page_from_lNe(
  x: Xen,
  vcpu: number,
  level: number,
  table: number,
  mfn: number,
  flags: number,
): Rc {
  if ((flags & _PAGE_PRESENT) === 0) return 0;
  if ((flags & L2_DISALLOW_MASK) !== 0) {
    return x.log.refuse(
      -EINVAL,
      `get_page_from_l${level}e`,
      () => `flags ${hexFrame(flags)}`,
      "PWT, PCD, PSE and G are not allowed",
    );
  }
  const rc = get_page_and_type_from_mfn(x, vcpu, mfn, level - 1);
  if (rc === -EINVAL && get_linear_pagetable(x, level, table, mfn, flags)) return 0;
  return rc;
}

/**
 * May an entry of `level` in `table` point to a table of the same level? Read-only, and to itself, or to a validated
 * one of which no linear chain starts; and the containing table is not used linearly itself (XSA-240).
 */
function get_linear_pagetable(x: Xen, level: number, table: number, mfn: number, flags: number): boolean {
  const { frames } = x;
  if ((flags & _PAGE_RW) !== 0) return false;
  if (mfn === table) return true;
  if (level === 4 && x.exclusive !== "off") return false; // it would reach the other L4's per-pCPU slots
  if (!frames.get_page_from_mfn(mfn)) return false;
  const usable =
    frames.linear[table]! >= 0 &&
    frames.linear[mfn]! <= 0 &&
    frames.type[mfn] === level &&
    frames.typeCount[mfn]! > 0 &&
    (frames.typeFlags[mfn]! & PGT_validated) !== 0;
  if (!usable) {
    frames.put_page(mfn);
    return false;
  }
  frames.linear[table]!++;
  frames.linear[mfn]!--;
  frames.typeCount[mfn]!++;
  return true;
}

/** Drop the references of an entry of `level` 2..4 in `table`. */
export function put_page_from_lNe(x: Xen, vcpu: number, table: number, mfn: number, flags: number): void {
  if ((flags & _PAGE_PRESENT) === 0 || mfn === table) return;
  _put_page_type(x, vcpu, mfn, table);
  x.frames.put_page(mfn);
}
