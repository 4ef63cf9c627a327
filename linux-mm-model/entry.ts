/**
 * The line between the guest kernel and user mode, and interrupts.
 *
 * Mirrors: xen_iret, arch/x86/xen/xen-asm.S; xen_evtchn_do_upcall(), drivers/xen/events.
 * Differs: an interrupt has no handler of its own; what it wakes is decided by the caller.
 */
import { EV } from "../abi/events.js";
import type { Linux } from "./linux.js";

/** Leave the kernel for user mode: a hypercall, as only Xen can change the mode. */
export function return_to_user(k: Linux, cpu: number): void {
  k.percpu.in_user[cpu] = 1;
  k.hv.iret(cpu, true);
}

/** User mode has entered the kernel. */
export function enter_from_user(k: Linux, cpu: number): void {
  k.percpu.in_user[cpu] = 0;
}

/** The event channel upcall: an interrupt that does nothing but return. */
export function event(k: Linux, cpu: number): void {
  const toUser = k.percpu.in_user[cpu] !== 0;
  k.ledger.count(cpu, EV.irq, 1);
  enter_from_user(k, cpu);
  if (toUser) return_to_user(k, cpu);
  else k.hv.iret(cpu, false);
}
