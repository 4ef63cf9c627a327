/**
 * The guest's virtual CPUs, as far as pagetables go.
 *
 * Shape: nrVcpus rows.
 *   guest_table       Uint32Array  L4 of kernel mode, 0 before VCPUOP_initialise
 *   guest_table_user  Uint32Array  L4 of user mode, 0 for none
 *   claimed           Uint32Array  L4 whose references are taken, and that is about to become one of the two; 0 for none
 *   kernel_mode       Uint8Array   TF_kernel_mode
 *   is_initialised    Uint8Array   VCPUOP_initialise has been made
 *   up                Uint8Array   initialised, and not VCPUOP_down
 *   blocked           Uint8Array   SCHEDOP_block: its pCPU idles, with its tables still loaded
 *   pcpu              Uint16Array  where it runs, or ran last
 *   old_guest_table   Uint32Array  a table still to be taken down before the next MMU hypercall, 0 for none
 *   old_guest_ptpg    Uint32Array  the table that held it, where that may have been a linear use; 0 for none
 *   old_guest_table_partial  Uint8Array  PGT_partial has its type reference
 *   gdt               Uint32Array  14 frames a vCPU of its GDT, 0 for none
 *   root              Uint32Array  the vCPU's own root, where the design has one
 *   l4_window         Uint32Array  frame that the vCPU's private window maps: the guest's L4, for a design that
 *                                  copies; 0 for none
 *
 * Mirrors: struct arch_vcpu and struct pv_vcpu, xen/arch/x86/include/asm/domain.h.
 */
import type { State } from "../abi/state.js";

export class VcpuTable {
  readonly guest_table: Uint32Array;
  readonly guest_table_user: Uint32Array;
  readonly claimed: Uint32Array;
  readonly kernel_mode: Uint8Array;
  readonly is_initialised: Uint8Array;
  readonly up: Uint8Array;
  readonly blocked: Uint8Array;
  readonly pcpu: Uint16Array;
  readonly old_guest_table: Uint32Array;
  readonly old_guest_ptpg: Uint32Array;
  readonly old_guest_table_partial: Uint8Array;
  readonly gdt: Uint32Array;
  readonly root: Uint32Array;
  readonly l4_window: Uint32Array;

  constructor(
    state: State,
    readonly nrVcpus: number,
  ) {
    this.guest_table = state.u32(nrVcpus);
    this.guest_table_user = state.u32(nrVcpus);
    this.claimed = state.u32(nrVcpus);
    this.kernel_mode = state.u8(nrVcpus);
    this.is_initialised = state.u8(nrVcpus);
    this.up = state.u8(nrVcpus);
    this.blocked = state.u8(nrVcpus);
    this.pcpu = state.u16(nrVcpus);
    this.old_guest_table = state.u32(nrVcpus);
    this.old_guest_ptpg = state.u32(nrVcpus);
    this.old_guest_table_partial = state.u8(nrVcpus);
    this.gdt = state.u32(nrVcpus * 14);
    this.root = state.u32(nrVcpus);
    this.l4_window = state.u32(nrVcpus);
  }

  /** Is `mfn` the vCPU's table of either mode, or about to be? */
  has_installed(vcpu: number, mfn: number): boolean {
    const { guest_table, guest_table_user, claimed } = this;
    return guest_table[vcpu] === mfn || guest_table_user[vcpu] === mfn || claimed[vcpu] === mfn;
  }

  /** A vCPU other than `vcpu` that has `mfn` installed, in either mode, blocked or not; -1 if none. */
  other_holder(vcpu: number, mfn: number): number {
    for (let other = 0; other < this.nrVcpus; other++) {
      if (other !== vcpu && this.has_installed(other, mfn)) return other;
    }
    return -1;
  }

  /** The one vCPU that has `mfn` installed, -1 if none or several have. */
  only_holder(mfn: number): number {
    const holder = this.other_holder(-1, mfn);
    return holder >= 0 && this.other_holder(holder, mfn) < 0 ? holder : -1;
  }

  /** The L4 of the mode that the vCPU is in. */
  current_table(vcpu: number): number {
    return this.kernel_mode[vcpu] !== 0 ? this.guest_table[vcpu]! : this.guest_table_user[vcpu]!;
  }
}
