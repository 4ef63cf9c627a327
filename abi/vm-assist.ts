/** HYPERVISOR_vm_assist(cmd, type): a guest switches behaviour of Xen on or off. Mirrors: VMASST_*, public/xen.h. */
import { __HYPERVISOR_vm_assist, type CallBuffer } from "./hypercalls.js";

export const VMASST_CMD_enable = 0;
export const VMASST_CMD_disable = 1;

export const VMASST_TYPE_4gb_segments = 0;
export const VMASST_TYPE_4gb_segments_notify = 1;
export const VMASST_TYPE_writable_pagetables = 2;
export const VMASST_TYPE_pae_extended_cr3 = 3;
export const VMASST_TYPE_architectural_iopl = 4;
export const VMASST_TYPE_runstate_update_flag = 5;
export const VMASST_TYPE_m2p_strict = 32;

/** Add the call. Returns its row. */
export function push_vm_assist(calls: CallBuffer, cmd: number, type: number): number {
  const row = calls.push(__HYPERVISOR_vm_assist);
  calls.frame[row] = type;
  calls.flags[row] = cmd;
  return row;
}
