/**
 * The caches of the vCPUs, which keep all they may: a translation is cached as soon as the loaded tables have it, and goes with a
 * flush only.
 */
import { _PAGE_PRESENT } from "../../abi/page.js";
import type { PvState } from "./pv-state.js";

export class Caches {
  /** When each pCPU was flushed last, before an action. */
  private readonly flushed: Uint32Array;

  constructor(private readonly state: PvState) {
    this.flushed = new Uint32Array(state.scene.bounds.vcpus);
  }

  beforeAction(): void {
    const { tlbflush_time } = this.state.xen.pcpus;
    const { flushed } = this;
    for (let vcpu = 0; vcpu < flushed.length; vcpu++) flushed[vcpu] = tlbflush_time[vcpu]!;
  }

  /** Drop what was flushed, and fill. */
  afterAction(): void {
    const { tlbflush_time } = this.state.xen.pcpus;
    const { flushed } = this;
    for (let vcpu = 0; vcpu < flushed.length; vcpu++)
      if (flushed[vcpu] !== tlbflush_time[vcpu]) this.drop(vcpu);
    this.fill();
  }

  private drop(vcpu: number): void {
    const { slots } = this.state;
    this.state.regs.tlb.fill(0, vcpu * slots, (vcpu + 1) * slots);
  }

  fill(): void {
    const { regs, xen, linux } = this.state;
    const { slots, scene } = this.state;
    const { vcpus } = scene.bounds;
    for (let vcpu = 0; vcpu < vcpus; vcpu++) {
      const inXen = regs.inXen[vcpu] !== 0 || xen.vcpus.blocked[vcpu] !== 0;
      const root = inXen ? xen.pcpus.xen_cr3[vcpu]! : xen.pcpus.guest_cr3[vcpu]!;
      for (let slot = 0; slot < slots; slot++) {
        const i = vcpu * slots + slot;
        if (regs.tlb[i] === 0 && (linux.memory.flags(root, slot) & _PAGE_PRESENT) !== 0)
          regs.tlb[i] = linux.memory.frame(root, slot);
      }
    }
  }
}
