/**
 * What Xen does to a guest: the line between the twins, seen from Xen.
 *
 * Xen delivers on the guest kernel's stack, in guest-kernel mode; the guest answers with hypercalls and
 * returns with Hypervisor.iret().
 */
import type { VcpuId, Vpn } from "./frames.js";

export interface Guest {
  /** A page fault that is the guest's. `error` is the code as Xen delivers it (no U bit in kernel mode). */
  page_fault(vcpu: VcpuId, page: Vpn, error: number): void;

  /**
   * The same of user mode, in one piece with Xen's entry before it and the return behind it (Hypervisor.fill_on_fault()); false where
   * it has to be passed on, with nothing changed.
   */
  page_fault_at_once?(vcpu: VcpuId, page: Vpn, error: number): boolean;

  /** The event channel upcall: an interrupt that is the guest's. */
  event(vcpu: VcpuId): void;
}
