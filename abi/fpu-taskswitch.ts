/** HYPERVISOR_fpu_taskswitch(set): set or clear CR0.TS. Linux 6.1 saves FPU state eagerly and does not call it. */
import { __HYPERVISOR_fpu_taskswitch, type CallBuffer } from "./hypercalls.js";

/** Add the call. Returns its row. */
export function push_fpu_taskswitch(calls: CallBuffer, set: boolean): number {
  const row = calls.push(__HYPERVISOR_fpu_taskswitch);
  calls.frame[row] = set ? 1 : 0;
  return row;
}
