/**
 * do_set_gdt(): up to 14 frames of descriptors, which are then neither writable nor tables.
 *
 * Mirrors: pv_set_gdt(), pv_destroy_gdt(), xen/arch/x86/pv/descriptor-tables.c; validate_segdesc_page() (mm.c).
 * Differs: descriptors are not checked but for a system one of the guest's, which is refused.
 */
import { EINVAL, type Rc } from "../abi/errno.js";
import type { CallBuffer } from "../abi/hypercalls.js";
import { PGT_seg_desc_page } from "./frame-table.js";
import { get_page_and_type_from_mfn, put_page_and_type } from "./page-type.js";
import type { Xen } from "./xen.js";

/** Entries that a guest may use: 14 frames of 512. Mirrors: FIRST_RESERVED_GDT_ENTRY. */
const FIRST_RESERVED_GDT_ENTRY = 14 * 512;
export const GDT_FRAMES = 14;

/** Errors: -EINVAL  too many entries, or a frame that is in use as something else. */
export function do_set_gdt(x: Xen, vcpu: number, calls: CallBuffer, row: number): Rc {
  const entries = calls.flags[row]!;
  if (entries > FIRST_RESERVED_GDT_ENTRY) return -EINVAL;
  const count = Math.ceil(entries / 512);
  const first = calls.first[row]!;
  for (let i = 0; i < count; i++) {
    const rc = get_page_and_type_from_mfn(x, vcpu, calls.mx_mfn[first + i]!, PGT_seg_desc_page);
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
