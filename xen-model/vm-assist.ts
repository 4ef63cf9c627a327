/**
 * do_vm_assist(): the guest switches behaviour of Xen on or off.
 *
 * Mirrors: do_vm_assist(), xen/common/kernel.c.
 * Differs: pae_extended_cr3 alone has an effect here (promote.ts); m2p_strict and the others are taken, and change nothing.
 */
import { EINVAL, type Rc } from "../abi/errno.js";
import type { CallBuffer } from "../abi/hypercalls.js";
import { VMASST_CMD_disable, VMASST_CMD_enable, VMASST_TYPE_m2p_strict } from "../abi/vm-assist.js";
import type { Xen } from "./xen.js";

/** Errors: -EINVAL  no such type. */
export function do_vm_assist(x: Xen, calls: CallBuffer, row: number): Rc {
  const type = calls.frame[row]!;
  const cmd = calls.flags[row]!;
  if (type > VMASST_TYPE_m2p_strict || cmd > VMASST_CMD_disable) return -EINVAL;
  if (type < VMASST_TYPE_m2p_strict) x.set_vm_assist(type, cmd === VMASST_CMD_enable);
  return 0;
}
