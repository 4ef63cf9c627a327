/**
 * A root design: which L4 is in %cr3 while the guest runs, which while Xen runs, and what keeps them right.
 *
 * The rest of Xen tells a design what happens; it never asks which one it is.
 */
import { PGT_pinned } from "../frame-table.js";
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
  flush_root_pgtbl(x: Xen, vcpu: number): void;
}

/**
 * Does the type count of `l4` show uses that are not this vCPU's? Somebody else may have it loaded then.
 *
 * Mirrors: do_mmu_update()'s accounting for XPTI, xen/arch/x86/mm.c (facts/xen.md 1.7).
 */
export function l4_used_elsewhere(x: Xen, vcpu: number, l4: number): boolean {
  const { frames, vcpus } = x;
  let accounted = (frames.typeFlags[l4]! & PGT_pinned) !== 0 ? 1 : 0;
  if (vcpus.guest_table[vcpu] === l4) accounted++;
  if (vcpus.guest_table_user[vcpu] === l4) accounted++;
  return frames.typeCount[l4]! > accounted;
}
