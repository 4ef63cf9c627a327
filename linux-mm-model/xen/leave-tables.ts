/**
 * Getting CPUs off tables that are about to go: an interrupt each, and the sender waits for all.
 *
 * Mirrors: xen_drop_mm_ref(), drop_mm_ref_this_cpu(), arch/x86/xen/mmu_pv.c; struct call_single_data,
 *          smp_call_function_many_cond(), csd_lock_wait(), kernel/smp.c.
 * Differs: one request a CPU; who finds it taken waits. The simulator takes the interrupt at once; it is counted, its delivery
 *          by Xen is not modelled.
 */
import { EV } from "../../abi/events.js";
import { BLOCKED, NEXT, path, type Path, runPath, type Step, step } from "../../abi/path.js";
import type { State } from "../../abi/state.js";
import type { Linux } from "../linux.js";
import { INIT_MM } from "../mm-struct.js";
import { leave_mm } from "../tlb.js";
import { xen_mc_flush } from "./multicalls.js";

/** Leave all tables of mm `data`; leave the pair whose kernel-mode L4 is `data`. */
export const CSD_drop_mm_ref = 1;
export const CSD_leave_pair = 2;

/**
 * What a CPU is asked to leave: struct call_single_data.
 *
 * Shape: nrCpus rows: fn Uint8Array CSD_*, 0 for none; data Uint32Array its argument
 */
export class CallSingleData {
  readonly fn: Uint8Array;
  readonly data: Uint32Array;

  constructor(state: State, nrCpus: number) {
    this.fn = state.u8(nrCpus);
    this.data = state.u32(nrCpus);
  }
}

/** What a CPU has to leave: CSD_*, and its argument. */
interface Asked {
  readonly fn: (k: Linux, cpu: number) => number;
  readonly data: (k: Linux, cpu: number) => number;
}

/** What a CPU that is asked does. */
function leave_steps({ fn, data }: Asked): readonly Step<Linux>[] {
  return [
    step("leave_mm", (k, cpu) => {
      const { percpu } = k;
      const what = data(k, cpu);
      const isPair = fn(k, cpu) === CSD_leave_pair;
      if (isPair ? percpu.xen_cr3[cpu] !== what : percpu.loaded_mm[cpu] !== what) return NEXT;
      if (!k.top.may_load(k, cpu, INIT_MM)) return BLOCKED;
      if (isPair) k.ledger.count(cpu, EV.top_unlazy, 1);
      leave_mm(k, cpu);
      return NEXT;
    }),
    step("xen_mc_flush", (k, cpu) => {
      if (has_loaded(k, cpu, fn(k, cpu), data(k, cpu))) xen_mc_flush(k, cpu);
      return NEXT;
    }),
  ];
}

/** The interrupt's handler: csd.fn and csd.data are the arguments. Mirrors: generic_smp_call_function_single_interrupt(). */
export const call_function_path: Path<Linux> = path("smp_call_function", [
  ...leave_steps({ fn: (k, cpu) => k.csd.fn[cpu]!, data: (k, cpu) => k.csd.data[cpu]! }),
  step("csd_unlock", (k, cpu) => {
    k.csd.fn[cpu] = 0;
    return NEXT;
  }),
]);

export function call_function(k: Linux, cpu: number): void {
  runPath(call_function_path, k, cpu);
}

/** May `cpu` still be on what `fn` and `data` name? xen_current_cr3 tells. */
function has_loaded(k: Linux, cpu: number, fn: number, data: number): boolean {
  const cr3 = k.percpu.xen_current_cr3[cpu]!;
  return fn === CSD_leave_pair ? cr3 === data : k.top.belongs(k, data, cr3);
}

/**
 * All CPUs leave what `what` names: this one first, then the others. What others ask this one meanwhile is in its row of csd, which
 * this does not touch.
 *
 * Differs: Linux asks this CPU last where a pair goes, which nobody sees.
 */
export function leave_tables_steps(
  fn: number,
  what: (k: Linux, cpu: number) => number,
): readonly Step<Linux>[] {
  return [
    ...leave_steps({ fn: () => fn, data: what }),
    step("smp_call_function_many", (k, cpu) => {
      const { csd, percpu, config, ledger } = k;
      const data = what(k, cpu);
      for (let other = 0; other < config.nrCpus; other++) {
        if (other !== cpu && percpu.online[other] !== 0 && csd.fn[other] !== 0) {
          if (has_loaded(k, other, fn, data)) return BLOCKED; // csd_lock_wait()
        }
      }
      for (let other = 0; other < config.nrCpus; other++) {
        if (other === cpu || percpu.online[other] === 0 || !has_loaded(k, other, fn, data)) continue;
        csd.fn[other] = fn;
        csd.data[other] = data;
        const before = ledger.enter(other, ledger.cause[cpu]!);
        ledger.count(other, EV.irq, 1);
        k.pv.send_call_func_single_ipi(cpu, other);
        ledger.enter(other, before);
      }
      return NEXT;
    }),
    step("csd_lock_wait", (k, cpu) => {
      const { csd, config } = k;
      const data = what(k, cpu);
      for (let other = 0; other < config.nrCpus; other++) {
        if (other !== cpu && csd.fn[other] === fn && csd.data[other] === data) return BLOCKED;
      }
      return NEXT;
    }),
  ];
}
