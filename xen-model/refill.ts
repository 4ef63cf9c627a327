/**
 * What a flush really costs: the misses of whoever runs next.
 *
 * A flush takes entries; they are missed when code that used them runs again, once, however many flushes came before. So
 * two switches of mode, which both drop the guest kernel's entries, cost one refill, and the six CR3 writes of
 * a system call under XPTI without PCID one of the kernel's pages and one of the program's.
 *
 * Differs: a recording has no accesses, so how many pages are missed is the cost profile's to say; of user pages that the
 *          kernel copies to and from nothing is known.
 */
import { EV } from "../abi/events.js";
import type { Xen } from "./xen.js";

const LOST_KERNEL = 1;
const LOST_USER = 2;
export const LOST_ALL = LOST_KERNEL | LOST_USER;
/** take_refill(): nothing is missed. */
export const NO_REFILL = -1;

/** The pCPU of `vcpu` has no entry left. */
export function lost_all(x: Xen, vcpu: number): void {
  x.pcpus.lost[x.vcpus.pcpu[vcpu]!] = LOST_ALL;
}

/** It has global entries only: those of guest user mode (adjust_guest_l1e()). */
export function lost_kernel(x: Xen, vcpu: number): void {
  const { lost } = x.pcpus;
  const pcpu = x.vcpus.pcpu[vcpu]!;
  lost[pcpu] = lost[pcpu]! | LOST_KERNEL;
}

/** It has no entry of a program left; the kernel's are global, as a kernel with the processor to itself has them. */
export function lost_user(x: Xen, vcpu: number): void {
  const { lost } = x.pcpus;
  const pcpu = x.vcpus.pcpu[vcpu]!;
  lost[pcpu] = lost[pcpu]! | LOST_USER;
}

/** Xen is left for the guest, which goes on in the mode that it is in. */
export function exit_to_guest(x: Xen, vcpu: number): void {
  x.root.exit_to_guest(x, vcpu);
  resume_guest(x, vcpu);
}

/** The guest goes on in the mode that it is in. */
export function resume_guest(x: Xen, vcpu: number): void {
  const refill = take_refill(x, vcpu);
  if (refill !== NO_REFILL) x.ledger.count(vcpu, refill, 1);
}

/** The same, but for the count: EV.refill_*, or NO_REFILL. */
export function take_refill(x: Xen, vcpu: number): number {
  const { lost } = x.pcpus;
  const pcpu = x.vcpus.pcpu[vcpu]!;
  const mode = x.vcpus.kernel_mode[vcpu] !== 0 ? LOST_KERNEL : LOST_USER;
  if ((lost[pcpu]! & mode) === 0) return NO_REFILL;
  lost[pcpu] = lost[pcpu]! & ~mode;
  return mode === LOST_KERNEL ? EV.refill_kernel : EV.refill_user;
}

/** The guest goes on in kernel mode, then in user mode, and loses its kernel entries on the way to each. */
export function there_and_back(x: Xen, vcpu: number): void {
  const { lost } = x.pcpus;
  const pcpu = x.vcpus.pcpu[vcpu]!;
  x.ledger.count(vcpu, EV.refill_kernel, 1);
  if ((lost[pcpu]! & LOST_USER) !== 0) x.ledger.count(vcpu, EV.refill_user, 1);
  lost[pcpu] = LOST_KERNEL;
}

/** The guest goes on in user mode, then in kernel mode, and has lost its kernel entries on the way: were user entries missed? */
export function resumed_in_both_modes(x: Xen, vcpu: number): boolean {
  const { lost } = x.pcpus;
  const pcpu = x.vcpus.pcpu[vcpu]!;
  const missed = (lost[pcpu]! & LOST_USER) !== 0;
  lost[pcpu] = lost[pcpu]! & ~LOST_ALL;
  return missed;
}
