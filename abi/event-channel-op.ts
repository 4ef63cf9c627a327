/** HYPERVISOR_event_channel_op(cmd, port): event channels; here only EVTCHNOP_send, an interrupt for another vCPU. */
import { __HYPERVISOR_event_channel_op, type CallBuffer } from "./hypercalls.js";

export const EVTCHNOP_send = 4;

/** Add the call. Returns its row. */
export function push_event_channel_op(calls: CallBuffer, cmd: number, port: number): number {
  const row = calls.push(__HYPERVISOR_event_channel_op);
  calls.frame[row] = port;
  calls.flags[row] = cmd;
  return row;
}
