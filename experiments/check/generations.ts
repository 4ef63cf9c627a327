/** How far a vCPU's caches are behind the mm that is loaded, and what a switch has read of the next one's. */
import { INIT_MM } from "../../linux-mm-model/mm-struct.js";
import { kthread_use_mm_path } from "../../linux-mm-model/kthread.js";
import { LOADED_MM_SWITCHING } from "../../linux-mm-model/percpu.js";
import { context_switch_path } from "../../linux-mm-model/sched.js";
import { PerVcpu } from "../../linux-mm-model/top-level/per-vcpu.js";
import { execPath } from "./life-paths.js";
import { PARTS } from "./paths.js";
import { PATH_EXEC, PATH_SWITCH, PATH_USE_MM, type PvRegisters } from "./registers.js";
import type { Scene } from "./scene.js";

/** Generations are written as how far behind they are: more than one makes no difference (flush_tlb_func()). */
const MAX_BEHIND = 2;
/** tlb_gen of every mm in a state that was read. */
const GENERATION = 8;

/** By path: its step that loads what next_tlb_gen was read for. */
const LOADS_AT: Readonly<Record<number, number>> = {
  [PATH_SWITCH]: loadOf(context_switch_path),
  [PATH_USE_MM]: loadOf(kthread_use_mm_path),
  [PATH_EXEC]: loadOf(execPath(PARTS)),
};

function loadOf({ steps }: { steps: readonly { readonly name: string }[] }): number {
  return steps.findIndex(({ name }) => name === "load_new_mm_cr3");
}

export class Generations {
  constructor(
    private readonly scene: Scene,
    private readonly regs: PvRegisters,
  ) {}

  write(cpu: number, to: Uint8Array, p: number): number {
    const { percpu, regs: sw, mms } = this.scene.machine.linux;
    const loaded = this.loadedMm(cpu);
    const next = this.readMm(cpu);
    to[p] = loaded <= INIT_MM ? 0 : Math.min(MAX_BEHIND, mms.tlb_gen[loaded]! - percpu.loaded_gen[cpu]!);
    to[p + 1] = next <= INIT_MM ? 0 : Math.min(MAX_BEHIND, mms.tlb_gen[next]! - sw.next_gen[cpu]!);
    return p + 2;
  }

  read(cpu: number, from: Uint8Array, p: number): number {
    const { percpu, regs: sw } = this.scene.machine.linux;
    percpu.loaded_gen[cpu] = GENERATION - from[p]!;
    sw.next_gen[cpu] = GENERATION - from[p + 1]!;
    return p + 2;
  }

  /** Every mm's generation, in a state that was read. */
  fix(): void {
    const { mms } = this.scene.machine.linux;
    for (let mm = 1; mm <= this.scene.bounds.mms; mm++) mms.tlb_gen[mm] = GENERATION;
  }

  private loadedMm(cpu: number): number {
    const { percpu, regs: sw } = this.scene.machine.linux;
    const loaded = percpu.loaded_mm[cpu]!;
    return loaded === LOADED_MM_SWITCHING ? sw.next_mm[cpu]! : loaded;
  }

  /** switch_mm_irqs_off() has read next_tlb_gen of this mm, and loads in a step of its own; -1: it has not. */
  private readMm(cpu: number): number {
    const { top, regs: sw } = this.scene.machine.linux;
    const { path, pc } = this.regs;
    const waits = top instanceof PerVcpu && pc[cpu] === LOADS_AT[path[cpu]!];
    return waits ? sw.next_mm[cpu]! : -1;
  }
}
