/** HYPERVISOR_set_segment_base(which, base): FS, GS bases of a 64-bit guest. Mirrors: SEGBASE_*, arch-x86/xen-x86_64.h. */
import { __HYPERVISOR_set_segment_base, type CallBuffer } from "./hypercalls.js";

export const SEGBASE_FS = 0;
export const SEGBASE_GS_USER = 1;
export const SEGBASE_GS_KERNEL = 2;
export const SEGBASE_GS_USER_SEL = 3;

/** Add the call; `base` is a linear address. Returns its row. */
export function push_set_segment_base(calls: CallBuffer, which: number, base: number): number {
  const row = calls.push(__HYPERVISOR_set_segment_base);
  calls.frame[row] = base;
  calls.flags[row] = which;
  return row;
}
