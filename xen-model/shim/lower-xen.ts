/**
 * What a Xen that is a hardware guest itself (L1) needs of the Xen below it (L0): each call is an exit.
 *
 * Mirrors: xen/arch/x86/guest/xen/ (hypervisor_flush_tlb()), pv_shim_event_channel_op() (pv/shim.c); send_IPI_mask_x2apic_phys().
 * Differs: no exit for timers, of which recordings have none; L1's own MSR and CR4 writes do not exit, as on Intel.
 */
import { EV } from "../../abi/events.js";
import type { Hvm } from "../hvm.js";
import type { Xen } from "../xen.js";

/** vCPUs of a shim: CONFIG_NR_CPUS of pvshim_defconfig (facts/xen.md 9). */
export const SHIM_MAX_VCPUS = 32;

export class LowerXen {
  /** `hvm` is the shim's container, `xen` the Xen below. vCPU n of the one is pCPU n of the other. */
  constructor(
    private readonly hvm: Hvm,
    private readonly xen: Xen,
  ) {}

  /** An event channel that the guest raises is L0's: forwarded as it is. */
  event_channel_send(vcpu: number, port: number): void {
    this.xen.ledger.count(vcpu, EV.vm_exit_hypercall, 1);
    this.hvm.kick(vcpu, port);
  }

  /** VCPUOP_up and VCPUOP_down: a pCPU of the shim comes or goes. */
  vcpu_op(vcpu: number): void {
    this.xen.ledger.count(vcpu, EV.vm_exit_hypercall, 1);
  }

  /**
   * Flush all entries of the other vCPUs, asked for or not: address and mask are ignored. Those that run are interrupted.
   *
   * Mirrors: hvmop_flush_tlb_all(), hap_flush_tlb(); 17b997aa1e.
   * Differs: the caller, which L1 has flushed already, is not flushed twice.
   */
  flush_tlbs(vcpu: number): void {
    const { ledger, vcpus } = this.xen;
    ledger.count(vcpu, EV.vm_exit_hypercall, 1);
    ledger.count(vcpu, EV.shim_flush_assist, 1);
    for (let other = 0; other < vcpus.nrVcpus; other++) {
      if (other === vcpu || vcpus.up[other] === 0) continue;
      ledger.count(other, EV.tlb_flush, 1);
      if (vcpus.blocked[other] !== 0) continue; // a new ASID when it is entered again
      ledger.count(vcpu, EV.vcpu_kick, 1);
      ledger.count(other, EV.vm_exit_interrupt, 1);
    }
  }

  /** An interrupt of the shim's for another pCPU of its own: a write to the x2APIC, and an exit there to deliver it. */
  send_ipi(vcpu: number, other: number): void {
    const { ledger, vcpus } = this.xen;
    ledger.count(vcpu, EV.vm_exit_msr, 1);
    if (vcpus.blocked[other] === 0) ledger.count(other, EV.vm_exit_interrupt, 1);
    else {
      ledger.count(other, EV.vcpu_switch, 1); // woken by it, and back to HLT
      ledger.count(other, EV.vm_exit_hlt, 1);
    }
  }

  /** The shim has nothing to run on `vcpu`. */
  hlt(vcpu: number): void {
    this.hvm.block(vcpu);
  }
}
