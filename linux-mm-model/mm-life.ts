import type { State } from "../abi/state.js";

/** Answer of TopLevelDesign.pinned(): a table was made, and another is needed. */
export const MORE = 1;

/**
 * What pinning an address space, taking it down, and bringing a CPU up or down carry from step to step.
 *
 * Shape: nrCpus rows.
 *   mm   Int32Array   that is being pinned, or that is left
 *   pgd  Uint32Array  kernel-mode L4 of a pair that is being dropped, 0 for none
 *   task Int32Array   whose pair that was
 *   rc   Int32Array   what a design answered, or Xen
 *   cpu  Int32Array   CPU that is brought up, or whose pairs are dropped
 */
export class MmLife {
  readonly mm: Int32Array;
  readonly pgd: Uint32Array;
  readonly task: Int32Array;
  readonly rc: Int32Array;
  readonly cpu: Int32Array;

  constructor(state: State, nrCpus: number) {
    this.mm = state.i32(nrCpus);
    this.pgd = state.u32(nrCpus);
    this.task = state.i32(nrCpus);
    this.rc = state.i32(nrCpus);
    this.cpu = state.i32(nrCpus);
  }
}
