/**
 * The frame table: one row per machine frame, as Xen's struct page_info.
 *
 * General references keep a frame allocated; type references keep its use. A frame's type changes only
 * while nothing uses it as that type.
 *
 * Shape: nrFrames rows, indexed by mfn.
 *   type         Uint8Array   PGT_*: the frame's current, or when typeCount is 0 its last, use
 *   typeCount    Uint32Array  references under that use
 *   typeFlags    Uint8Array   PGT_pinned, PGT_validated, PGT_partial
 *   count        Uint32Array  general references, PGC_allocated's own included
 *   owner        Uint8Array   OWNER_*
 *   special      Uint8Array   1: Xen heap shared with the guest, which must stay write-back
 *   validated    Uint16Array  nr_validated_ptes, of a table that is partly validated or taken down
 *   linear       Int16Array   linear_pt_count: > 0 own linear entries, < 0 uses by others
 *   m2p          Float64Array machine-to-phys entry
 *
 * Mirrors: struct page_info, xen/arch/x86/include/asm/mm.h.
 * Differs: type_info and count_info are columns instead of bit fields; PGT_locked is not kept, since nothing runs
 *          between a lock and its unlock here; no cache attributes but `special`.
 */
import type { State } from "../abi/state.js";

export const PGT_none = 0;
export const PGT_l1_page_table = 1;
export const PGT_l2_page_table = 2;
export const PGT_l3_page_table = 3;
export const PGT_l4_page_table = 4;
export const PGT_root_page_table = PGT_l4_page_table;
export const PGT_seg_desc_page = 5;
export const PGT_shared_page = 6;
export const PGT_writable_page = 7;

/** Flags beside the type. */
export const PGT_pinned = 1;
export const PGT_validated = 2;
export const PGT_partial = 4;

/** Who owns a frame. */
export const OWNER_none = 0;
export const OWNER_xen = 1;
export const OWNER_guest = 2;
export const OWNER_io = 3;

export const TYPE_NAMES = ["none", "l1", "l2", "l3", "l4", "seg_desc", "shared", "writable"] as const;

export class FrameTable {
  readonly type: Uint8Array;
  readonly typeCount: Uint32Array;
  readonly typeFlags: Uint8Array;
  readonly count: Uint32Array;
  readonly owner: Uint8Array;
  readonly special: Uint8Array;
  readonly validated: Uint16Array;
  readonly linear: Int16Array;
  readonly m2p: Float64Array;

  constructor(
    state: State,
    readonly nrFrames: number,
  ) {
    this.type = state.u8(nrFrames);
    this.typeCount = state.u32(nrFrames);
    this.typeFlags = state.u8(nrFrames);
    this.count = state.u32(nrFrames);
    this.owner = state.u8(nrFrames);
    this.special = state.u8(nrFrames);
    this.validated = state.u16(nrFrames);
    this.linear = state.i16(nrFrames);
    this.m2p = state.f64(nrFrames);
  }

  /** Is there a frame table entry? Mirrors: mfn_valid(). */
  mfn_valid(mfn: number): boolean {
    return mfn < this.nrFrames && this.owner[mfn] !== OWNER_none;
  }

  /** Take a general reference for the guest; false if the frame is not its own. Mirrors: get_page_from_mfn(). */
  get_page_from_mfn(mfn: number): boolean {
    if (mfn >= this.nrFrames || this.owner[mfn] !== OWNER_guest) return false;
    this.count[mfn]!++;
    return true;
  }

  /** Drop a general reference. Mirrors: put_page(). Differs: the guest's frames are never freed. */
  put_page(mfn: number): void {
    this.count[mfn]!--;
  }

  is_validated(mfn: number): boolean {
    return (this.typeFlags[mfn]! & PGT_validated) !== 0;
  }

  is_pinned(mfn: number): boolean {
    return (this.typeFlags[mfn]! & PGT_pinned) !== 0;
  }
}
