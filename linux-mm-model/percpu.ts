/**
 * Per-CPU variables of the modelled kernel.
 *
 * Mirrors: cpu_tlbstate and cpu_tlbstate_shared (arch/x86/include/asm/tlbflush.h), xen_cr3 and
 *          xen_current_cr3 (arch/x86/xen/mmu_pv.c), paravirt_lazy_mode (arch/x86/kernel/paravirt.c).
 */
import { ChangedRows, type Rows } from "../abi/changed-rows.js";
import type { State } from "../abi/state.js";

/** Kernel stacks that a CPU keeps. Mirrors: kernel/fork.c. */
export const NR_CACHED_STACKS = 2;

export const PARAVIRT_LAZY_NONE = 0;
export const PARAVIRT_LAZY_MMU = 1;
export const PARAVIRT_LAZY_CPU = 2;

/** cpu_tlbstate.loaded_mm while CR3 is being changed. */
export const LOADED_MM_SWITCHING = -2;

/**
 * Shape: nrCpus rows.
 *   online           Uint8Array    1 between vcpu up and down
 *   current          Int32Array    task that runs
 *   loaded_mm        Int32Array    mm whose tables CR3 points at (logically)
 *   is_lazy          Uint8Array    runs a kernel thread or idles on a borrowed mm
 *   loaded_ctx       Float64Array  ctxs[].ctx_id: of which mm the TLB may hold entries
 *   loaded_gen       Float64Array  ctxs[].tlb_gen: up to which flush they are current
 *   xen_cr3          Uint32Array   logical CR3: frame of the kernel-mode L4, set at once
 *   xen_current_cr3  Uint32Array   the same, set when the hypercall has really run
 *   lazy_mode        Uint8Array    PARAVIRT_LAZY_*
 *   shadow_tls       Int32Array    task whose TLS descriptors are in the CPU's GDT, 0 for none
 *   need_resched     Uint8Array    the interrupt that is coming in ends in the scheduler, not in a return
 *   nocb_cblist      Uint8Array    RCU callbacks wait for a grace period (rcu.ts)
 *   cached_stacks    Int32Array    [cpu][2] kernel stacks ready for the next tasks (thread-stack.ts)
 *   in_user          Uint8Array    returns to user mode: 1 while user code runs
 */
export class PerCpu {
  readonly online: Uint8Array;
  readonly current: Rows;
  readonly loaded_mm: Rows;
  /** Rows of which either has been written, or the mm of the task that runs. */
  readonly switches: ChangedRows;
  readonly is_lazy: Uint8Array;
  readonly loaded_ctx: Float64Array;
  readonly loaded_gen: Float64Array;
  readonly xen_cr3: Uint32Array;
  readonly xen_current_cr3: Uint32Array;
  readonly lazy_mode: Uint8Array;
  readonly shadow_tls: Int32Array;
  readonly need_resched: Uint8Array;
  readonly nocb_cblist: Uint8Array;
  readonly cached_stacks: Int32Array;
  readonly in_user: Uint8Array;
  private readonly currentTask: Int32Array;
  private readonly loadedMm: Int32Array;

  constructor(
    state: State,
    readonly nrCpus: number,
  ) {
    this.switches = new ChangedRows(nrCpus);
    this.online = state.u8(nrCpus);
    this.current = this.currentTask = state.i32(nrCpus);
    this.loaded_mm = this.loadedMm = state.i32(nrCpus);
    this.is_lazy = state.u8(nrCpus);
    this.loaded_ctx = state.f64(nrCpus);
    this.loaded_gen = state.f64(nrCpus);
    this.xen_cr3 = state.u32(nrCpus);
    this.xen_current_cr3 = state.u32(nrCpus);
    this.lazy_mode = state.u8(nrCpus);
    this.shadow_tls = state.i32(nrCpus);
    this.need_resched = state.u8(nrCpus);
    this.nocb_cblist = state.u8(nrCpus);
    this.cached_stacks = state.i32(nrCpus * NR_CACHED_STACKS);
    this.in_user = state.u8(nrCpus);
  }

  set_current(cpu: number, task: number): void {
    this.currentTask[cpu] = task;
    this.switches.add(cpu);
  }

  set_loaded_mm(cpu: number, mm: number): void {
    this.loadedMm[cpu] = mm;
    this.switches.add(cpu);
  }
}
