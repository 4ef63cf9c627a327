/** HYPERVISOR_xen_version(cmd, arg): version and feature bits; also Linux's way to make pending events fire. */
import { __HYPERVISOR_xen_version, type CallBuffer } from "./hypercalls.js";

export const XENVER_version = 0;
export const XENVER_get_features = 6;

/** Add the call; `submap` is the argument of XENVER_get_features. Returns its row. */
export function push_xen_version(calls: CallBuffer, cmd: number, submap = 0): number {
  const row = calls.push(__HYPERVISOR_xen_version);
  calls.frame[row] = submap;
  calls.flags[row] = cmd;
  return row;
}
