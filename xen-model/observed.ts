/**
 * What tests and reports ask of a run, and Xen itself does not know.
 *
 * Shape: n  Uint32Array  [0..2] vCPU, frame and holder of the last refusal, [3] refusals, [4] host faults, [5] hypercalls on user
 *        tables, [6] entries worked on since the last preemption check, [7] the most of them
 */
import type { State } from "../abi/state.js";
import { hexFrame } from "./audit-log.js";

export class Observed {
  private readonly n: Uint32Array;

  constructor(state: State) {
    this.n = state.u32(8);
  }

  /** An installation that the exclusive audit refused, or would have. */
  note_refusal(vcpu: number, mfn: number, holder: number): void {
    this.n[0] = vcpu;
    this.n[1] = mfn;
    this.n[2] = holder;
    this.n[3]!++;
  }

  refused(): number {
    return this.n[3]!;
  }

  lastRefusal(): string {
    const [vcpu, mfn, holder] = this.n;
    return `vcpu ${vcpu} may not install L4 mfn ${hexFrame(mfn!)}: vcpu ${holder} has it (-EBUSY)`;
  }

  /** An instruction of Xen's own raised an exception: a real Xen is dead now. */
  note_host_fault(): void {
    this.n[4]!++;
  }

  host_faults(): number {
    return this.n[4]!;
  }

  note_hypercall_on_user_tables(): void {
    this.n[5]!++;
  }

  hypercalls_on_user_tables(): number {
    return this.n[5]!;
  }

  /** One more entry of an L2+ table is audited or dropped. */
  note_work(): void {
    const work = ++this.n[6]!;
    if (work > this.n[7]!) this.n[7] = work;
  }

  note_preemption_check(): void {
    this.n[6] = 0;
  }

  /** The most entries between two preemption checks. */
  longest_unpreempted(): number {
    return this.n[7]!;
  }
}
