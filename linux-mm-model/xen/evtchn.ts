/**
 * Interrupts that a guest kernel sends to its other vCPUs: each is an event channel that Xen is asked to raise.
 *
 * Mirrors: xen_smp_send_reschedule(), arch/x86/xen/smp.c; notify_remote_via_evtchn(), drivers/xen/events/events_base.c.
 * Differs: what the other vCPU then does is decided by who called: the taking of the interrupt is not modelled here.
 */
import { EVTCHNOP_send, push_event_channel_op } from "../../abi/event-channel-op.js";
import type { Linux } from "../linux.js";

/** `cpu` has woken a task on another CPU, `other`, that idles. */
export function xen_smp_send_reschedule(k: Linux, cpu: number, other: number): void {
  notify_remote_via_evtchn(k, cpu, other);
}

function notify_remote_via_evtchn(k: Linux, cpu: number, port: number): void {
  const { direct } = k.mc[cpu]!;
  direct.reset();
  push_event_channel_op(direct, EVTCHNOP_send, port);
  k.hv.hypercall(cpu, direct, 0);
}
