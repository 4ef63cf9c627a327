/**
 * Descriptor tables: up to 14 frames of a GDT, which are then neither writable nor pagetables, and the LDT's place.
 *
 * Mirrors: pv_set_gdt(), pv_destroy_gdt(), validate_segdesc_page(), check_descriptor(),
 *          xen/arch/x86/pv/descriptor-tables.c; MMUEXT_SET_LDT, mm.c.
 * Differs: the LDT's pages are not mapped before the processor looks into them, and it never does here, so they hold no
 *          references; gates' target selectors are not checked; 32-bit segments' limits stay as they are.
 */
import { EINVAL, type Rc } from "../abi/errno.js";
import type { CallBuffer } from "../abi/hypercalls.js";
import { PGT_seg_desc_page } from "./frame-table.js";
import { addr_ok } from "./guest-access.js";
import { get_page_and_type_from_mfn, put_page_and_type } from "./page-type.js";
import type { Xen } from "./xen.js";

/** Entries that a guest may use: 14 frames of 512. Mirrors: FIRST_RESERVED_GDT_ENTRY. */
const FIRST_RESERVED_GDT_ENTRY = 14 * 512;
export const GDT_FRAMES = 14;

const MAX_LDT_ENTRIES = 8192;

/** High word of a descriptor. Mirrors: _SEGMENT_*, asm/desc.h. */
const _SEGMENT_P = 1 << 15;
const _SEGMENT_DPL = 3 << 13;
const _SEGMENT_S = 1 << 12;
const _SEGMENT_TYPE = 0xf << 8;
const _SEGMENT_L = 1 << 21;
const CALL_GATE = 0xc << 8;

/** Errors: -EINVAL  too many entries, or a frame that is in use as something else, or holds a bad descriptor. */
export function do_set_gdt(x: Xen, vcpu: number, calls: CallBuffer, row: number): Rc {
  const entries = calls.flags[row]!;
  if (entries > FIRST_RESERVED_GDT_ENTRY) {
    return x.log.refuse(
      -EINVAL,
      "do_set_gdt",
      () => `${entries} entries`,
      "14 frames of 512 are the guest's",
    );
  }
  const count = Math.ceil(entries / 512);
  const first = calls.first[row]!;
  for (let i = 0; i < count; i++) {
    const rc = get_page_and_type_from_mfn(x, vcpu, calls.mx_mfn[first + i]!, PGT_seg_desc_page, 0);
    if (rc === 0) continue;
    for (let undo = i - 1; undo >= 0; undo--) put_page_and_type(x, vcpu, calls.mx_mfn[first + undo]!);
    return -EINVAL;
  }
  const { gdt } = x.vcpus;
  for (let i = 0; i < GDT_FRAMES; i++) {
    const old = gdt[vcpu * GDT_FRAMES + i]!;
    if (old !== 0) put_page_and_type(x, vcpu, old);
    gdt[vcpu * GDT_FRAMES + i] = i < count ? calls.mx_mfn[first + i]! : 0;
  }
  return 0;
}

/** MMUEXT_SET_LDT: `page` and `offset` of its address. Errors: -EINVAL  too long, unaligned or not the guest's. */
export function set_ldt(x: Xen, page: number, offset: number, entries: number): Rc {
  if (entries > MAX_LDT_ENTRIES || (entries !== 0 && (offset !== 0 || !addr_ok(page)))) {
    return x.log.refuse(
      -EINVAL,
      "MMUEXT_SET_LDT",
      () => `page 0x${page.toString(16)}, ${entries} entries`,
      "8192 entries are the most, from the start of a page of the guest's",
    );
  }
  return 0;
}

/** May all of the frame's descriptors be used? Some are changed so that they may. */
export function validate_segdesc_page(x: Xen, mfn: number): boolean {
  const { mem } = x;
  if (mfn >= mem.nrTables) return true;
  for (let slot = 0; slot < mem.ptes; slot++) {
    const frame = mem.frame(mfn, slot);
    const flags = mem.flags(mfn, slot);
    // the entry's bits 63:32: flags bits 23:12, then frame bits 39:20
    const b = ((flags >>> 12) << 20) | Math.floor(frame / 2 ** 20);
    const fixed = check_descriptor(b, x.pv32);
    if (fixed < 0) return false;
    if (fixed >>> 0 !== b >>> 0) mem.set(mfn, slot, (frame % 2 ** 20) + (fixed & 0xfffff) * 2 ** 20, flags);
  }
  return true;
}

/** The high word `b` of a descriptor, with its DPL made one that a guest has; -1 where it is refused. */
function check_descriptor(b: number, pv32: boolean): number {
  if ((b & _SEGMENT_P) === 0) return b >>> 0;
  const least = pv32 ? 1 : 3; // the ring of the guest's kernel
  const dpl = Math.max((b >>> 13) & 3, least);
  const mine = (b & ~_SEGMENT_DPL) | (dpl << 13);
  if ((b & _SEGMENT_S) !== 0) return pv32 && (b & _SEGMENT_L) !== 0 ? -1 : mine >>> 0;
  if ((b & _SEGMENT_TYPE) === 0) return b >>> 0;
  if ((b & _SEGMENT_TYPE) !== CALL_GATE) return -1;
  return (mine & (pv32 ? 0xe0 : 0xff)) !== 0 ? -1 : (mine & ~_SEGMENT_DPL) >>> 0;
}
