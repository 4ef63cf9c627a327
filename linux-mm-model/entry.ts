/**
 * The line between the guest kernel and user mode, and interrupts.
 *
 * Mirrors: xen_iret, arch/x86/xen/xen-asm.S; xen_evtchn_do_upcall(), drivers/xen/events.
 * Differs: an interrupt has no handler of its own; what it wakes is decided by the caller.
 */
import { EV } from "../abi/events.js";
import { USER_LIMIT_VPN } from "../abi/layout.js";
import { PFEC_user_mode } from "../abi/page.js";
import { do_user_addr_fault } from "./fault.js";
import type { Vpn } from "../abi/frames.js";
import type { Linux } from "./linux.js";
import { vmalloc_fault } from "./sync-global-pgds.js";

/** Leave the kernel for user mode: a hypercall, as only Xen can change the mode. */
export function return_to_user(k: Linux, cpu: number): void {
  k.percpu.in_user[cpu] = 1;
  k.hv.iret(cpu, true);
}

/** User mode has entered the kernel. */
export function enter_from_user(k: Linux, cpu: number): void {
  k.percpu.in_user[cpu] = 0;
}

/**
 * A page fault that Xen passes on: handled, and back to the access, which is tried again.
 *
 * Differs: a fault on a kernel address mends the top level, if that is the policy, and else changes nothing.
 */
export function page_fault(k: Linux, cpu: number, page: number, error: number): void {
  const user = (error & PFEC_user_mode) !== 0;
  enter_from_user(k, cpu);
  if (page < USER_LIMIT_VPN) {
    do_user_addr_fault(k, cpu, page, error);
  } else vmalloc_fault(k, cpu, page as Vpn);
  if (user) return_to_user(k, cpu);
  else k.hv.iret(cpu, false);
}

/** The event channel upcall: an interrupt that does nothing but return, or ends in the scheduler (need_resched). */
export function event(k: Linux, cpu: number): void {
  const toUser = k.percpu.in_user[cpu] !== 0;
  k.ledger.count(cpu, EV.irq, 1);
  enter_from_user(k, cpu);
  if (k.percpu.need_resched[cpu] !== 0) {
    k.percpu.need_resched[cpu] = 0;
    if (!toUser) k.hv.iret(cpu, false); // back to the idle loop, which calls the scheduler
  } else if (toUser) return_to_user(k, cpu);
  else k.hv.iret(cpu, false);
}
