/**
 * xen-shim: an old PV guest in a Xen of its own (L1), which is a PVH guest of the Xen below (L0).
 *
 * L1 is a second Xen twin with its own root design: whether it isolates the guest from the shim is its own affair. L0 sees
 * one monitor table for each of its vCPUs, and none of the guest's L4s. All tables are the guest's and L1's; EPT lies
 * under them. L1's entries and exits stay inside; interrupts come through L0, and what L1 asks of L0 is in lower-xen.ts.
 *
 * Mirrors: xen/arch/x86/pv/shim.c; facts/xen.md 9.
 * Differs: EPT is the identity. L1 has the guest's frames at the same numbers as on bare metal.
 */
import type { Vpn } from "../../abi/frames.js";
import type { Hypervisor } from "../../abi/hypervisor.js";
import type { Guest } from "../../abi/upcalls.js";
import type { Container } from "../container.js";
import type { Access } from "../hw/control.js";
import type { Hvm } from "../hvm.js";
import type { Xen } from "../xen.js";

export class Shim implements Container {
  readonly hypervisor: Hypervisor;

  /** `l1` is built with LowerXen of `l0` in its configuration. */
  constructor(
    private readonly l1: Xen,
    private readonly l0: Hvm,
  ) {
    this.hypervisor = l1;
  }

  attach(guest: Guest): void {
    this.l1.attach(guest);
    // what L0 reports is L1's: the interrupt that it takes
    this.l0.attach({ page_fault: () => undefined, event: () => undefined });
  }

  /** L0 starts the shim's vCPUs, each on whatever L1 has; L1 boots. Differs: all at once. */
  init(): void {
    this.l0.init();
    this.l1.init();
    for (let vcpu = 0; vcpu < this.l1.vcpus.nrVcpus; vcpu++) this.l0.vcpu_initialise(vcpu, 0);
  }

  syscall(vcpu: number): void {
    this.l1.syscall(vcpu);
  }

  iret_and_syscall(vcpu: number): void {
    this.l1.iret_and_syscall(vcpu);
  }

  access(vcpu: number, page: Vpn, access: Access, user: boolean): number {
    return this.l1.access(vcpu, page, access, user);
  }

  touch_at_once(vcpu: number, page: Vpn, access: Access): number {
    return this.l1.touch_at_once(vcpu, page, access);
  }

  page_fault(vcpu: number, page: Vpn, error: number): void {
    this.l1.page_fault(vcpu, page, error);
  }

  /** It comes for L0's pCPU: an exit, and L1 takes the event that L0 injects. */
  interrupt(vcpu: number): void {
    this.l0.take_interrupt(vcpu);
    this.l1.interrupt(vcpu);
  }

  is_blocked(vcpu: number): boolean {
    return this.l1.is_blocked(vcpu);
  }

  in_kernel_mode(vcpu: number): boolean {
    return this.l1.in_kernel_mode(vcpu);
  }
}
