/**
 * The frame table: one row per machine frame, as Xen's struct page_info.
 *
 * General references keep a frame allocated; type references keep its use. A frame's type changes only
 * while nothing uses it as that type.
 *
 * Shape: nrFrames rows, indexed by mfn.
 *   type         Uint8Array   PGT_*: the frame's current, or when typeCount is 0 its last, use
 *   typeCount    Uint32Array  references under that use
 *   typeFlags    Uint8Array   PGT_pinned, PGT_validated, PGT_partial, ...
 *   count        Uint32Array  general references, PGC_allocated's own included
 *   owner        Uint8Array   OWNER_*
 *   special      Uint8Array   1: Xen heap shared with the guest, which must stay write-back
 *   nr_validated_ptes  Uint16Array  of a PGT_partial table: entries 0..n-1 hold references
 *   partial_flags      Uint8Array   ... PTF_partial_set: entry n holds a general reference, and no type reference
 *   linear_pt_count    Int16Array   > 0 own linear entries, < 0 uses by others, of a table in use
 *   incoherent   Uint8Array   not Xen's: what the caches may hold of the frame is older than memory, or newer
 *   m2p          Float64Array machine-to-phys entry
 *   tlbflush_timestamp  Uint32Array  TLB clock when the last use under the type ended
 *   l4_owner     Uint8Array   not Xen's: under an exclusive audit, the vCPU that has the L4 installed, plus 1; or 0
 *                (Uint16Array where there are more than 255 vCPUs)
 *
 * Mirrors: struct page_info, xen/arch/x86/include/asm/mm.h.
 * Differs: type_info and count_info are columns instead of bit fields, and tlbflush_timestamp is no part of a union.
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
export const PGT_locked = 8;
/** 32-bit PV: an L2 in slot 3, with entries of Xen's. It is part of the type where one is asked for: _get_page_type(). */
export const PGT_pae_xen_l2 = 16;
/** Has been mapped writable past the caches (WC), so that they are to be flushed before another use. */
export const PGT_non_coherent = 32;

/** The type in a request for one: PGT_l2_page_table | PGT_pae_xen_l2. */
export const PGT_type_mask = 7;

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
  readonly nr_validated_ptes: Uint16Array;
  readonly partial_flags: Uint8Array;
  readonly linear_pt_count: Int16Array;
  readonly incoherent: Uint8Array;
  readonly m2p: Float64Array;
  readonly tlbflush_timestamp: Uint32Array;
  readonly l4_owner: Uint8Array | Uint16Array;

  constructor(
    state: State,
    readonly nrFrames: number,
    nrVcpus: number,
  ) {
    this.type = state.u8(nrFrames);
    this.typeCount = state.u32(nrFrames);
    this.typeFlags = state.u8(nrFrames);
    this.count = state.u32(nrFrames);
    this.owner = state.u8(nrFrames);
    this.special = state.u8(nrFrames);
    this.nr_validated_ptes = state.u16(nrFrames);
    this.partial_flags = state.u8(nrFrames);
    this.linear_pt_count = state.i16(nrFrames);
    this.incoherent = state.u8(nrFrames);
    this.m2p = state.f64(nrFrames);
    this.tlbflush_timestamp = state.u32(nrFrames);
    this.l4_owner = nrVcpus < 256 ? state.u8(nrFrames) : state.u16(nrFrames);
  }

  /** Boot: the first `nrXenFrames` are Xen's, all others the guest's, and each is allocated. */
  init(nrXenFrames: number): void {
    const { owner, count, m2p, nrFrames } = this;
    owner.fill(OWNER_xen, 0, nrXenFrames);
    owner.fill(OWNER_guest, nrXenFrames);
    count.fill(1);
    for (let mfn = nrXenFrames; mfn < nrFrames; mfn++) m2p[mfn] = mfn;
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

  /** The vCPU that has L4 `mfn` installed under an exclusive audit; -1 for none, or if `mfn` is no frame at all. */
  owner_of_l4(mfn: number): number {
    return mfn < this.nrFrames ? this.l4_owner[mfn]! - 1 : -1;
  }

  is_validated(mfn: number): boolean {
    return (this.typeFlags[mfn]! & PGT_validated) !== 0;
  }

  is_pinned(mfn: number): boolean {
    return (this.typeFlags[mfn]! & PGT_pinned) !== 0;
  }
}
