/**
 * Frames that the kernel image brings along, found by boot.ts and never moved.
 */
import type { State } from "../abi/state.js";

/**
 * Shape: level3_user_vsyscall  Uint32Array  [0] L3 table of slot 511 in every user-mode L4
 *        gdt                   Uint32Array  [0] CPU 0's GDT; the other CPUs' follow
 *        zero_page             Uint32Array  [0] empty_zero_page
 *        poking_mm             Int32Array   [0] the mm of text patching, 0 before it is made
 */
export class KernelImage {
  readonly level3_user_vsyscall: Uint32Array;
  readonly gdt: Uint32Array;
  readonly zero_page: Uint32Array;
  readonly poking_mm: Int32Array;

  constructor(state: State) {
    this.level3_user_vsyscall = state.u32(1);
    this.gdt = state.u32(1);
    this.zero_page = state.u32(1);
    this.poking_mm = state.i32(1);
  }
}
