/**
 * HYPERVISOR_update_va_mapping: rewrite the L1 entry that maps an address in the current tables.
 *
 * Mirrors: xen/include/public/xen.h, UVMF_*.
 * Differs: the low two bits of `flags` and the pointer above them are two arguments here; the bitmap itself in place of
 *          the pointer, of vCPUs 0 to 31. Upstream UVMF_LOCAL is UVMF_MULTI with no pointer; here it is a bit.
 */
import { __HYPERVISOR_update_va_mapping, type CallBuffer } from "./hypercalls.js";

export const UVMF_NONE = 0;
export const UVMF_TLB_FLUSH = 1;
export const UVMF_INVLPG = 2;
export const UVMF_FLUSHTYPE_MASK = 3;
/** Where to flush: the bitmap in `mask`, this vCPU, or the whole domain. */
export const UVMF_MULTI = 0;
export const UVMF_ALL = 1 << 2;
export const UVMF_LOCAL = 1 << 3;

/** Add the call; `va` is the linear address >> 12. Returns its row. */
export function push_update_va_mapping(
  calls: CallBuffer,
  va: number,
  frame: number,
  flags: number,
  uvmf: number,
  mask = 0,
): number {
  const row = calls.push(__HYPERVISOR_update_va_mapping);
  calls.va[row] = va;
  calls.frame[row] = frame;
  calls.flags[row] = flags;
  calls.uvmf[row] = uvmf;
  calls.mask[row] = mask;
  return row;
}
