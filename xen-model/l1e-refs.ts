/**
 * References that an L1 entry holds: RAM by a general one, and a writable mapping by a type one too.
 *
 * Mirrors: get_page_from_l1e(), put_page_from_l1e(), l1_disallow_mask(), xen/arch/x86/mm.c (facts/xen.md 1.2, 1.3, 1.5).
 * Differs: no CoW, no grants, no paging_mode_external(); the processor does not snoop itself.
 */
import { EACCES, EBUSY, EINVAL, EPERM, type Rc } from "../abi/errno.js";
import { _PAGE_GNTTAB, _PAGE_PAT, _PAGE_PCD, _PAGE_PRESENT, _PAGE_PWT, _PAGE_RW } from "../abi/page.js";
import { hexFrame } from "./audit-log.js";
import { XEN_RULES } from "./audit-rules.js";
import {
  OWNER_guest,
  OWNER_io,
  OWNER_xen,
  PGT_locked,
  PGT_non_coherent,
  PGT_validated,
  PGT_writable_page,
} from "./frame-table.js";
import { INVALID_ENTRY_FRAME, io_class } from "./memory-map.js";
import { stamp } from "./flush.js";
import { _get_page_type, _put_page_type, put_page_and_type } from "./page-type.js";
import type { Xen } from "./xen.js";

export const PAGE_CACHE_ATTRS = _PAGE_PAT | _PAGE_PCD | _PAGE_PWT;
/** All flags that l1_disallow_mask() can have: what the forms in one piece leave to the plain ones. */
export const L1_DISALLOWED = PAGE_CACHE_ATTRS | _PAGE_GNTTAB;
/** Write-combining, by Xen's PAT. */
const _PAGE_WC = _PAGE_PAT;

/** Flags that no present L1 entry may have; a guest with devices may choose cache attributes. */
export function l1_disallow_mask(x: Xen): number {
  return (x.map.devices ? 0 : PAGE_CACHE_ATTRS) | (x.config.debug === true ? _PAGE_GNTTAB : 0);
}

/**
 * Take the references of a present L1 entry. Returns 0, flags to flip in the entry (> 0), or
 *
 * Errors: -EINVAL  disallowed flags, or no frame at all.
 *         -EPERM   a device's frame that the guest may not map.
 *         -EBUSY   another's frame, or a writable mapping of a frame in other use.
 *         -EACCES  cache attributes on a frame of Xen's heap.
 */
export function get_page_from_l1e(x: Xen, vcpu: number, mfn: number, flags: number): Rc {
  const { frames } = x;
  const bad = flags & l1_disallow_mask(x);
  if (bad !== 0) return refuse_l1_flags(x, "get_page_from_l1e", bad);
  if (!frames.mfn_valid(mfn)) return get_io_page(x, mfn, flags);
  if (frames.owner[mfn] !== OWNER_guest || x.pg_owner !== OWNER_guest) {
    return x.log.refuse(
      -EBUSY,
      "get_page_from_l1e",
      () => `mfn ${hexFrame(mfn)}`,
      "another owns it; map own RAM",
    );
  }
  const write = (flags & _PAGE_RW) !== 0 && x.rules.writable_takes_type;
  if (write && _get_page_type(x, vcpu, mfn, PGT_writable_page) !== 0) {
    return x.log.refuse(
      -EBUSY,
      "get_page_from_l1e",
      () => `mfn ${hexFrame(mfn)}`,
      "it is in other use; map it read-only",
    );
  }
  frames.count[mfn]!++;
  const attributes = flags & PAGE_CACHE_ATTRS;
  if (attributes !== 0 && frames.special[mfn] !== 0) {
    if (write) put_page_and_type(x, vcpu, mfn);
    else frames.put_page(mfn);
    return x.log.refuse(
      -EACCES,
      "get_page_from_l1e",
      () => `mfn ${hexFrame(mfn)}`,
      "Xen's heap stays write-back",
    );
  }
  if (attributes === _PAGE_WC && (flags & _PAGE_RW) !== 0) {
    x.mapped_past_caches(mfn);
    if (x.rules.track_non_coherent) frames.typeFlags[mfn]! |= PGT_non_coherent;
  }
  return 0;
}

/** May take_first_refs() be asked? A shim flushes at each change of a type, as it has no clock: flush_type_change(). */
export function has_first_refs(x: Xen): boolean {
  const { rules, pg_owner, race_window, config } = x;
  return (
    rules === XEN_RULES && pg_owner === OWNER_guest && race_window === undefined && config.lower === undefined
  );
}

/**
 * get_page_from_l1e() of entries of `table` from `slot` on, as far as they map frames in a row with the same flags: frames of the
 * guest's own, that are to be written to only where they have never been in any use. So are nearly all that a kernel maps when it
 * boots. Returns how many entries; 0, with nothing changed, for any other.
 */
export function take_first_refs({ mem, frames }: Xen, table: number, slot: number): number {
  const { words, ptes } = mem;
  const { owner, type, typeCount, typeFlags, tlbflush_timestamp, count } = frames;
  const start = mem.at(table, slot);
  const mfn = words[start]!;
  const high = words[start + 1]!;
  if (high >>> 24 !== 0 || (high & L1_DISALLOWED) !== 0) return 0;
  const write = (high & _PAGE_RW) !== 0;
  const most = Math.min(ptes - slot, frames.nrFrames - mfn);
  let nr = 0;
  for (; nr < most; nr++) {
    if (words[start + 2 * nr] !== mfn + nr || words[start + 2 * nr + 1] !== high) break;
    if (owner[mfn + nr] !== OWNER_guest) break;
    if (!write) continue;
    if (typeCount[mfn + nr] !== 0 || typeFlags[mfn + nr] !== 0 || tlbflush_timestamp[mfn + nr] !== 0) break;
  }
  for (let taken = mfn; taken < mfn + nr; taken++) count[taken] = count[taken]! + 1;
  if (write && nr > 0) {
    type.fill(PGT_writable_page, mfn, mfn + nr);
    typeFlags.fill(PGT_validated, mfn, mfn + nr);
    typeCount.fill(1, mfn, mfn + nr);
  }
  return nr;
}

/** A frame that is no RAM: may the guest map it, and how? */
function get_io_page(x: Xen, mfn: number, flags: number): Rc {
  const io = io_class(x.map, mfn);
  if (io === "denied" || x.pg_owner === OWNER_xen) {
    return x.log.refuse(
      mfn === INVALID_ENTRY_FRAME ? -EINVAL : -EPERM,
      "get_page_from_l1e",
      () => `mfn ${hexFrame(mfn)}`,
      "no RAM, and no device of this guest",
    );
  }
  let flip = io === "mmio-ro" ? flags & _PAGE_RW : 0;
  switch (flags & PAGE_CACHE_ATTRS) {
    case 0: // WB
      flip |= _PAGE_PWT | _PAGE_PCD;
      break;
    case _PAGE_PWT: // WT
    case _PAGE_PWT | _PAGE_PAT: // WP
      flip |= _PAGE_PCD | (flags & _PAGE_PAT);
      break;
  }
  if (x.log.enabled) {
    const what = io === "mmio-ro" ? "a device's frame that is read-only" : "a device's frame";
    x.log.note(
      "get_page_from_l1e",
      `mfn ${hexFrame(mfn)}`,
      `${what}: flags 0x${flip.toString(16)} are flipped`,
    );
  }
  return flip;
}

export function refuse_l1_flags(x: Xen, where: string, bad: number): Rc {
  return x.log.refuse(
    -EINVAL,
    where,
    () => `flags ${hexFrame(bad)}`,
    "PWT, PCD and PAT are for guests with devices",
  );
}

/** Drop the references of an L1 entry. Devices' frames have none. */
export function put_page_from_l1e(x: Xen, vcpu: number, mfn: number, flags: number): void {
  const { frames } = x;
  if ((flags & _PAGE_PRESENT) === 0 || !frames.mfn_valid(mfn) || frames.owner[mfn] === OWNER_io) return;
  if ((flags & _PAGE_RW) !== 0 && x.rules.writable_takes_type) {
    if (frames.type[mfn] === PGT_writable_page && (frames.typeFlags[mfn]! & PGT_locked) === 0) {
      // what _put_page_type() does for data that nobody holds locked
      const left = frames.typeCount[mfn]! - 1;
      frames.typeCount[mfn] = left;
      if (left === 0) stamp(x, mfn);
    } else _put_page_type(x, vcpu, mfn, 0, -1);
  }
  frames.put_page(mfn);
}
