/**
 * What tests and reports ask of a run, and Xen itself does not know.
 *
 * Shape: n  Uint32Array  [0] host faults, [1] hypercalls on user tables, [2] entries worked on since the last
 *        preemption check, [3] the most of them
 */
import type { State } from "../abi/state.js";

export class Observed {
  private readonly n: Uint32Array;

  constructor(state: State) {
    this.n = state.u32(4);
  }

  /** An instruction of Xen's own raised an exception: a real Xen is dead now. */
  note_host_fault(): void {
    this.n[0]!++;
  }

  host_faults(): number {
    return this.n[0]!;
  }

  note_hypercall_on_user_tables(): void {
    this.n[1]!++;
  }

  hypercalls_on_user_tables(): number {
    return this.n[1]!;
  }

  /** One more entry of an L2+ table is audited or dropped. */
  note_work(): void {
    const work = ++this.n[2]!;
    if (work > this.n[3]!) this.n[3] = work;
  }

  note_preemption_check(): void {
    this.n[2] = 0;
  }

  /** The most entries between two preemption checks. */
  longest_unpreempted(): number {
    return this.n[3]!;
  }
}
