/**
 * Steps of the paths that the vCPUs are in: one that others can see, and behind it those that belong to it.
 */
import { AGAIN, BLOCKED, DONE, NEXT, type Path } from "../../abi/path.js";
import { MMU_UPDATE_PREEMPTED } from "../../xen-model/continuation.js";
import { isFused } from "./paths.js";
import type { PvState } from "./pv-state.js";
import { PATH_NONE } from "./registers.js";
import { pairOfRank, pairsWaiting, swapPairs } from "./replica-order.js";

export const MOD_L4_ENTRY = 1;

/** Steps of Xen's, as a counterexample names them: do_mmu_update_path's and do_mmuext_op_path's. */
export const XEN_STEPS = [
  "update_va_mapping",
  "do_mmu_update: mod_l4_entry",
  "do_mmu_update: flush_area_local",
  "do_mmu_update: flush_area_mask",
  "do_mmuext_op: get the L4, or flush",
  "do_mmuext_op: write_ptbase",
];

export class StepRunner {
  /** By path and step: it belongs to the action before. */
  readonly fused: readonly (readonly boolean[])[];

  constructor(
    private readonly state: PvState,
    private readonly paths: readonly (Path<PvState> | undefined)[],
  ) {
    this.fused = paths.map((path) => path?.steps.map(({ name }) => isFused(name, state.linux)) ?? []);
  }

  /** Begin a path with its first step that others can see. */
  begin(vcpu: number, path: number): boolean {
    this.state.regs.path[vcpu] = path;
    this.state.regs.pc[vcpu] = 0;
    this.runFused(vcpu);
    return true;
  }

  linuxStep(vcpu: number, path: number, pc: number): boolean {
    const { regs } = this.state;
    if (regs.path[vcpu] !== path || regs.pc[vcpu] !== pc || regs.inXen[vcpu] !== 0) return false;
    if (!this.step(vcpu)) return false;
    this.runFused(vcpu);
    return true;
  }

  /** One step of the path that the vCPU is in; false: it is blocked, and nothing has changed. */
  private step(vcpu: number): boolean {
    const { regs } = this.state;
    const pc = regs.pc[vcpu]!;
    const { steps } = this.paths[regs.path[vcpu]!]!;
    const answer = steps[pc]!.run(this.state, vcpu);
    if (answer === BLOCKED) return false;
    if (answer === AGAIN) return true;
    const next = answer === NEXT ? pc + 1 : answer === DONE ? steps.length : answer;
    if (next < steps.length) regs.pc[vcpu] = next;
    else {
      regs.path[vcpu] = PATH_NONE;
      regs.pc[vcpu] = 0;
    }
    return true;
  }

  /** What follows a step and belongs to its action. */
  private runFused(vcpu: number): void {
    const { state } = this;
    const { regs } = state;
    for (;;) {
      if (regs.inXen[vcpu] !== 0) {
        if (state.xenPath(vcpu) !== undefined) return;
        state.stepXen(vcpu); // update_va_mapping: of a frame that nobody else has
        continue;
      }
      const path = regs.path[vcpu]!;
      if (path === PATH_NONE || this.fused[path]![regs.pc[vcpu]!] !== true || !this.step(vcpu)) return;
    }
  }

  /** `pair`: which of the L4 pairs that wait is next; 0 for the first, or where none can be chosen. */
  xenStep(vcpu: number, step: number, pair: number): boolean {
    const { regs } = this.state;
    if (regs.inXen[vcpu] === 0 || this.xenStepOf(vcpu) !== step) return false;
    if (step === MOD_L4_ENTRY && !this.choosePair(vcpu, pair)) return false;
    this.state.stepXen(vcpu);
    if (regs.inXen[vcpu] === 0) this.runFused(vcpu);
    return true;
  }

  /** Let pair number `pair` of those that wait be next, in the order of their tables and slots. */
  private choosePair(vcpu: number, pair: number): boolean {
    const { linux, xen, regs } = this.state;
    const { calls } = linux.mc[vcpu]!;
    const row = regs.row[vcpu]!;
    const isBegun = regs.xenPc[vcpu] !== 0;
    const { requests: r } = xen;
    const next = isBegun ? r.first[vcpu]! + r.i[vcpu]! : calls.first[row]!;
    const end = isBegun
      ? r.first[vcpu]! + r.count[vcpu]!
      : calls.first[row]! + (calls.count[row]! & ~MMU_UPDATE_PREEMPTED);
    const pairs = pairsWaiting(linux, calls, next, end);
    if (pair >= pairs || 2 * pairs !== end - next) return pair === 0;
    if (pairs > 1) swapPairs(calls, next, pairOfRank(calls, next, end, pair));
    return true;
  }

  /** Index in XEN_STEPS of what comes next. */
  xenStepOf(vcpu: number): number {
    const { state } = this;
    const path = state.xenPath(vcpu);
    if (path === undefined) return 0;
    const pc = Math.max(1, state.regs.xenPc[vcpu]!);
    if (path.name === "do_mmu_update") return pc;
    return state.xen.requests.part[vcpu] !== 0 && state.regs.xenPc[vcpu] !== 0 ? 5 : 4;
  }
}
