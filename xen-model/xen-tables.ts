/**
 * Xen's own pagetables: its 16 slots of an L4, which all L4s get from the idle table; a 32-bit guest's L4s.
 *
 * Shape: next  Uint32Array  [0] the next frame of Xen's own, [1] the idle L4, [2] the M2P of 32-bit guests, [3] the
 *        first frame that
 *              a root design, or the audit, took
 *
 * Mirrors: init_xen_l4_slots(), fill_ro_mpt(), xen/arch/x86/mm.c; setup_compat_l4(), pv/domain.c;
 *          init_xen_pae_l2_slots(), pv/mm.c (facts/xen.md 1.4, 6).
 */
import * as layout from "../abi/layout.js";
import type { PtMemory } from "../abi/memory.js";
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_NX,
  _PAGE_PRESENT,
  _PAGE_PSE,
  _PAGE_RW,
  _PAGE_USER,
} from "../abi/page.js";
import type { State } from "../abi/state.js";
import { type FrameTable, PGT_root_page_table, PGT_validated } from "./frame-table.js";
import { COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT } from "./slots.js";
import type { PcpuTable } from "./pcpu-table.js";
import type { VcpuTable } from "./vcpu-table.js";
import type { XenConfig } from "./xen-config.js";

/** PTE flags of Xen's own entries in an L4. Mirrors: __PAGE_HYPERVISOR and its variants. */
const __PAGE_HYPERVISOR = _PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY;
const __PAGE_COMPAT_MPT = _PAGE_PRESENT | _PAGE_PSE;
const __PAGE_RO_MPT = _PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED | _PAGE_NX;

export class XenTables {
  private readonly next: Uint32Array;

  constructor(
    state: State,
    private readonly mem: PtMemory,
    private readonly geometry: XenConfig["geometry"],
  ) {
    this.next = state.u32(4);
  }

  /** A frame of Xen's own, cleared. */
  alloc_xen_frame(): number {
    const mfn = this.next[0]!;
    if (mfn >= this.geometry.nrXenFrames) {
      throw new RangeError(`Xen: ${mfn} frames of its own are used up; raise nrXenFrames`);
    }
    this.next[0] = mfn + 1;
    return mfn;
  }

  /** idle_pg_table: Xen's slots, from which all L4s get theirs. Differs: below L4 only the M2P is built. */
  build_idle_table(): void {
    const { mem } = this;
    this.next[0] = this.geometry.firstXenFrame ?? 1;
    const idle = this.alloc_xen_frame();
    this.next[1] = idle;
    const m2p3 = this.alloc_xen_frame();
    const m2p2 = this.alloc_xen_frame();
    mem.set(idle, layout.RO_MPT_SLOT, m2p3, __PAGE_RO_MPT);
    mem.set(m2p3, 0, m2p2, _PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED);
    mem.set(m2p2, 0, 0, _PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED | _PAGE_PSE | _PAGE_DIRTY);
    mem.set(idle, layout.PCI_MCFG_SLOT, this.alloc_xen_frame(), __PAGE_HYPERVISOR);
    mem.set(idle, layout.PERDOMAIN_SLOT, this.alloc_xen_frame(), __PAGE_HYPERVISOR | _PAGE_NX);
    mem.set(idle, layout.XEN_VIRT_SLOT, this.alloc_xen_frame(), __PAGE_HYPERVISOR);
    mem.set(idle, layout.DIRECTMAP_SLOT, this.alloc_xen_frame(), __PAGE_HYPERVISOR | _PAGE_NX);
  }

  /** What is allocated from here on is a root design's, or the audit's. */
  mark_design_frames(): void {
    this.next[3] = this.next[0]!;
  }

  /** Bytes of tables that a root design and the audit took. */
  design_bytes(): number {
    return (this.next[0]! - this.next[3]!) * 4096;
  }

  /** An L3 for each pCPU, which its Xen slots map. Differs: empty; what Xen would keep there is not modelled. */
  alloc_percpu_l3s(pcpus: PcpuTable): void {
    for (let pcpu = 0; pcpu < pcpus.nrPcpus; pcpu++) pcpus.percpu_l3[pcpu] = this.alloc_xen_frame();
  }

  /** Let `slot` of `l4` map `l3`, a pCPU's. */
  set_percpu_slot(l4: number, slot: number, l3: number): void {
    this.mem.set(l4, slot, l3, __PAGE_HYPERVISOR | _PAGE_NX);
  }

  has_percpu_slot(l4: number, slot: number, l3: number): boolean {
    return this.mem.frame(l4, slot) === l3 && (this.mem.flags(l4, slot) & _PAGE_PRESENT) !== 0;
  }

  /** idle_pg_table. */
  idle_table(): number {
    return this.next[1]!;
  }

  /** Copy Xen's slot `slot` from the idle table. */
  copy_xen_slot(l4: number, slot: number): void {
    this.mem.set(l4, slot, this.mem.frame(this.next[1]!, slot), this.mem.flags(this.next[1]!, slot));
  }

  /**
   * Fill Xen's 16 slots of a guest L4, whatever the guest left there. RO_MPT stays blank until it is a kernel table.
   */
  init_xen_l4_slots(l4: number): void {
    if (this.mem.ptes <= layout.ROOT_PAGETABLE_LAST_XEN_SLOT) return;
    for (
      let slot = layout.ROOT_PAGETABLE_FIRST_XEN_SLOT;
      slot <= layout.ROOT_PAGETABLE_LAST_XEN_SLOT;
      slot++
    ) {
      if (slot === layout.RO_MPT_SLOT) this.mem.set(l4, slot, 0, 0);
      else this.copy_xen_slot(l4, slot);
    }
    this.mem.set(l4, layout.LINEAR_PT_SLOT, l4, __PAGE_HYPERVISOR | _PAGE_NX);
  }

  /** Without m2p_strict, a kernel table gets the machine-to-phys table. */
  fill_ro_mpt(l4: number): void {
    if (this.mem.ptes > layout.ROOT_PAGETABLE_LAST_XEN_SLOT) this.copy_xen_slot(l4, layout.RO_MPT_SLOT);
  }

  /** Does `slot` of L4 `l4` hold what init_xen_l4_slots() put there? RO_MPT may be blank. */
  is_xen_l4_slot_right(l4: number, slot: number): boolean {
    const frame = this.mem.frame(l4, slot);
    if (slot === layout.LINEAR_PT_SLOT) return frame === l4;
    if (slot === layout.RO_MPT_SLOT && this.mem.flags(l4, slot) === 0) return true;
    return frame === this.mem.frame(this.next[1]!, slot);
  }

  /**
   * The L4 of a 32-bit guest's vCPU: Xen's own, both of kernel and of user mode, with the guest's L3 in slot 0.
   *
   * Mirrors: setup_compat_l4(), pv/domain.c (facts/xen.md 6). Its type is that of an audited L4, so that updates of it
   *          pass.
   */
  setup_compat_l4(frames: FrameTable, vcpus: VcpuTable, vcpu: number): void {
    const l4 = this.alloc_xen_frame();
    frames.type[l4] = PGT_root_page_table;
    frames.typeFlags[l4] = PGT_validated;
    frames.typeCount[l4] = 1;
    this.init_xen_l4_slots(l4);
    this.fill_ro_mpt(l4);
    vcpus.guest_table[vcpu] = l4;
    vcpus.guest_table_user[vcpu] = l4;
    if (this.next[2] === 0) this.next[2] = this.alloc_xen_frame();
  }

  /** Fill Xen's slots of the L2 of PAE slot 3: the read-only M2P. Mirrors: init_xen_pae_l2_slots(), pv/mm.c. */
  init_xen_pae_l2_slots(l2: number): void {
    for (let slot = COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT; slot < this.mem.ptes; slot++)
      this.mem.set(l2, slot, 0, 0);
    this.mem.set(l2, COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT, this.next[2]!, __PAGE_COMPAT_MPT);
  }
}
