/**
 * The physical CPUs: what is in %cr3, and what XPTI keeps per CPU.
 *
 * Shape: nrPcpus rows.
 *   xen_cr3           Uint32Array  frame in %cr3 while Xen runs on behalf of the vCPU
 *   guest_cr3         Uint32Array  frame in %cr3 while the guest runs; what pv_cr3 holds under XPTI
 *   root_pgt          Uint32Array  XPTI's root of this CPU, 0 without XPTI
 *   root_pgt_changed  Uint8Array   root_pgt is to be copied before the guest runs again
 *   idle_l4           Uint32Array  L4 of the idle vCPU, where the design has one for each CPU; else 0
 *   percpu_l3         Uint32Array  what Xen's per-pCPU slots map on this CPU, where there are such; else 0
 *   vcpu              Int32Array   vCPU whose tables are loaded (curr_vcpu), -1 for none
 *   in_guest          Uint8Array   the guest runs, not Xen
 *   lost              Uint8Array   LOST_*: entries that a flush took and the guest has not missed yet (refill.ts)
 *   dirty             Uint8Array   in the domain's dirty_cpumask
 *   tlbflush_time     Uint32Array  TLB clock at this CPU's last full flush
 *   tlbflush_clock    Uint32Array  [0] the clock: full flushes of any CPU so far
 *
 * Mirrors: struct cpu_info, xen/arch/x86/include/asm/current.h; per_cpu(root_pgt), per_cpu(curr_vcpu),
 *          per_cpu(tlbflush_time).
 * Differs: the clock does not wrap: a run has fewer than 2^32 flushes.
 */
import { ChangedRows, type Rows } from "../abi/changed-rows.js";
import type { State } from "../abi/state.js";

export class PcpuTable {
  readonly xen_cr3: Rows;
  readonly guest_cr3: Rows;
  /** Rows of which either has been written, or the CR3 that is a hardware guest's own. */
  readonly loads: ChangedRows;
  readonly root_pgt: Uint32Array;
  readonly root_pgt_changed: Uint8Array;
  readonly idle_l4: Uint32Array;
  readonly percpu_l3: Uint32Array;
  readonly vcpu: Int32Array;
  readonly in_guest: Uint8Array;
  readonly lost: Uint8Array;
  readonly dirty: Uint8Array;
  readonly tlbflush_time: Uint32Array;
  readonly tlbflush_clock: Uint32Array;
  private readonly inXen: Uint32Array;
  private readonly inGuest: Uint32Array;

  constructor(
    state: State,
    readonly nrPcpus: number,
  ) {
    this.loads = new ChangedRows(nrPcpus);
    this.xen_cr3 = this.inXen = state.u32(nrPcpus);
    this.guest_cr3 = this.inGuest = state.u32(nrPcpus);
    this.root_pgt = state.u32(nrPcpus);
    this.root_pgt_changed = state.u8(nrPcpus);
    this.idle_l4 = state.u32(nrPcpus);
    this.percpu_l3 = state.u32(nrPcpus);
    this.vcpu = state.i32(nrPcpus);
    this.in_guest = state.u8(nrPcpus);
    this.lost = state.u8(nrPcpus);
    this.dirty = state.u8(nrPcpus);
    this.tlbflush_time = state.u32(nrPcpus);
    this.tlbflush_clock = state.u32(1);
  }

  set_xen_cr3(pcpu: number, mfn: number): void {
    this.inXen[pcpu] = mfn;
    this.loads.add(pcpu);
  }

  set_both_cr3(pcpu: number, inXen: number, inGuest: number): void {
    this.inXen[pcpu] = inXen;
    this.inGuest[pcpu] = inGuest;
    this.loads.add(pcpu);
  }

  set_guest_cr3(pcpu: number, mfn: number): void {
    this.inGuest[pcpu] = mfn;
    this.loads.add(pcpu);
  }
}
