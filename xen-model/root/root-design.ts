/**
 * A root design: which L4 is in %cr3 while the guest runs, which while Xen runs, and what keeps them right.
 *
 * The rest of Xen tells a design what happens; it never asks which one it is.
 */
import type { Xen } from "../xen.js";

export interface RootDesign {
  readonly name: string;
  /** Runs with PCID, so that switches of mode and of root keep the TLB. */
  readonly pcid: boolean;
  /** Make Xen's own tables that the design needs. */
  init(x: Xen): void;
  /** Load the tables of `vcpu`'s present mode on its pCPU, flushing: NEW_BASEPTR, context switch. */
  write_ptbase(x: Xen, vcpu: number, changed: boolean): void;
  /** The vCPU went from user to kernel mode, or back: its other L4 is current now. */
  toggle_guest_mode(x: Xen, vcpu: number): void;
  /** From guest to Xen on the vCPU's pCPU, and the way back. */
  enter_from_guest(x: Xen, vcpu: number): void;
  exit_to_guest(x: Xen, vcpu: number): void;
  /** An entry of L4 `l4` has changed: see to this pCPU, and tell whether others must hear of it. */
  l4_changed(x: Xen, vcpu: number, l4: number): boolean;
  /** FLUSH_ROOT_PGTBL has arrived on the pCPU of `vcpu`. */
  flush_root_pgtbl(x: Xen, vcpu: number, l4: number): void;
}
