/**
 * The Xen twin: one hypervisor with one 64-bit PV guest.
 *
 * Each of Xen's functions is in a file beside this one and takes the Xen first; this class holds what they work
 * on, takes the guest's calls (Hypervisor), and what the processor reports (syscall(), page_fault(), ...).
 */
import { EFAULT, EINVAL, ENOSYS, ERESTART, type Rc } from "../abi/errno.js";
import { EV } from "../abi/events.js";
import { mfn as asMfn, type Vpn } from "../abi/frames.js";
import * as hc from "../abi/hypercalls.js";
import type { Hypervisor } from "../abi/hypervisor.js";
import * as layout from "../abi/layout.js";
import type { Ledger } from "../abi/ledger.js";
import type { MemoryGeometry, PtMemory } from "../abi/memory.js";
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_NX,
  _PAGE_PRESENT,
  _PAGE_PSE,
  _PAGE_RW,
  _PAGE_USER,
  PFEC_page_present,
  PFEC_user_mode,
} from "../abi/page.js";
import type { XEN_ROOTS } from "../abi/proposal.js";
import type { State } from "../abi/state.js";
import type { Guest } from "../abi/upcalls.js";
import { AuditLog, hexFrame } from "./audit-log.js";
import { arch_set_info_guest, toggle_guest_mode } from "./cr3.js";
import { do_set_gdt } from "./descriptor-tables.js";
import { do_mmu_update } from "./do-mmu-update.js";
import { do_mmuext_op } from "./do-mmuext-op.js";
import { do_update_va_mapping } from "./do-update-va-mapping.js";
import { FrameTable, OWNER_guest, OWNER_xen, PGT_root_page_table, PGT_validated } from "./frame-table.js";
import { ACCESS_READ, ACCESS_WRITE, type Access, WalkControl } from "./hw/control.js";
import { Tlb } from "./hw/tlb.js";
import { translate } from "./hw/translate.js";
import { walk, Walk, WALK_OK } from "./hw/walk.js";
import { NO_DEVICES, type MemoryMap } from "./memory-map.js";
import { type AuditRules, XEN_RULES } from "./audit-rules.js";
import { demote_page } from "./demote.js";
import { promote_page } from "./promote.js";
import { PcpuTable } from "./pcpu-table.js";
import { pv_ro_page_fault } from "./ro-page-fault.js";
import type { RootDesign } from "./root/root-design.js";
import { SharedRoot } from "./root/shared.js";
import { VcpuRoot } from "./root/vcpu-root.js";
import { XptiRoot } from "./root/xpti.js";
import { COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT } from "./slots.js";
import { do_vm_assist } from "./vm-assist.js";
import { VcpuTable } from "./vcpu-table.js";

export interface XenConfig {
  /** Xen's own tables begin at firstXenFrame (default 1) of its frames 0..nrXenFrames-1. */
  readonly geometry: MemoryGeometry & { readonly nrXenFrames: number; readonly firstXenFrame?: number };
  readonly nrPcpus: number;
  readonly nrVcpus: number;
  readonly root: (typeof XEN_ROOTS)[number];
  /** Is an L4 installed on one vCPU at most? observe: refusals are counted, and let through. */
  readonly exclusive: "off" | "observe" | "enforce";
  readonly flush: "domain" | "owner";
  readonly pcid: boolean;
  readonly invpcid: boolean;
  /** Global pages (opt_global_pages, default true): Xen does without them where it runs virtualised on AMD. */
  readonly pge?: boolean;
  readonly version: "4.17" | "master";
  readonly map?: MemoryMap;
  /** How often hypercall_preempt_check() finds work pending: every n-th time, or never (0, the default). */
  readonly preempt?: number;
  /** A 32-bit (PAE) guest. */
  readonly pv32?: boolean;
  /** Frames below 4 GiB, 2^20 unless a test has less. */
  readonly framesBelow4GiB?: number;
  /** A debug build of Xen. */
  readonly debug?: boolean;
  /** Model a TLB of this size for each pCPU. */
  readonly tlb?: { readonly sets: number; readonly ways: number };
  /** For tests: the audit with an old rule in it. */
  readonly rules?: AuditRules;
}

/** PTE flags of Xen's own entries in an L4. Mirrors: __PAGE_HYPERVISOR and its variants. */
const __PAGE_HYPERVISOR = _PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY;
const __PAGE_COMPAT_MPT = _PAGE_PRESENT | _PAGE_PSE;
const __PAGE_RO_MPT = _PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED | _PAGE_NX;

export class Xen implements Hypervisor {
  readonly frames: FrameTable;
  readonly vcpus: VcpuTable;
  readonly pcpus: PcpuTable;
  readonly root: RootDesign;
  readonly log = new AuditLog();
  readonly map: MemoryMap;
  readonly exclusive: XenConfig["exclusive"];
  /** CR4.PGE while the domain runs: a full flush is two writes of CR4 then. XPTI has no global pages. */
  readonly pge: boolean;
  readonly hypervisor: Hypervisor = this;
  readonly rules: AuditRules;
  readonly pv32: boolean;
  /** For tests of races: something else runs, where Xen has let go of (or not yet taken) `mfn` in `where`. */
  race_window: ((where: string, mfn: number) => void) | undefined;
  /** What the pCPUs have cached of guest and linear mappings; undefined: each access walks the tables. */
  readonly tlb: Tlb | undefined;
  private readonly preempt: number;
  /**
   * own[0]: the next frame of Xen's own; own[1]: the idle L4; own[2..4]: vCPU, frame and holder of the last refusal;
   * own[5]: refusals; own[6]: preemption checks since the last that found work; own[7]: a 32-bit guest's M2P; own[8], own[9]: host_faults(),
   * hypercalls_on_user_tables(); own[10]: entries worked on since the last preemption check; own[11]: the most of them;
   * own[12]: VM assists, a bit each of types 0..31.
   */
  private readonly own: Uint32Array;
  private guest!: Guest;

  /** Whose frames the call at hand maps: OWNER_*. Mirrors: pg_owner. */
  pg_owner = OWNER_guest;

  private readonly control = new WalkControl();
  private readonly xenControl = new WalkControl();
  private readonly out = new Walk();

  constructor(
    state: State,
    readonly mem: PtMemory,
    readonly ledger: Ledger,
    readonly config: XenConfig,
  ) {
    this.frames = new FrameTable(state, config.geometry.nrFrames);
    this.vcpus = new VcpuTable(state, config.nrVcpus);
    this.pcpus = new PcpuTable(state, config.nrPcpus);
    this.own = state.u32(14);
    if (config.tlb !== undefined) {
      if (config.root !== "shared")
        throw new RangeError(`Xen: no TLB is modelled with root ${config.root}; use shared`);
      this.tlb = new Tlb(state, { nrCpus: config.nrPcpus, ptes: config.geometry.ptes, ...config.tlb });
    }
    this.root = rootDesign(config);
    this.map = config.map ?? NO_DEVICES;
    this.exclusive = config.exclusive;
    this.rules = config.rules ?? XEN_RULES;
    this.pv32 = config.pv32 === true;
    this.preempt = config.preempt ?? 0;
    this.is_preemptible = this.preempt !== 0;
    this.pge = config.pge !== false && config.root !== "xpti" && config.root !== "xpti-copy-always";
    this.control.cpl = 3; // both modes of the guest run in ring 3
  }

  attach(guest: Guest): void {
    this.guest = guest;
  }

  /** Boot: who owns which frame, Xen's own tables, and one pCPU per vCPU. */
  init(): void {
    const { frames, config, vcpus, pcpus } = this;
    const { nrXenFrames, nrFrames } = config.geometry;
    frames.owner.fill(OWNER_xen, 0, nrXenFrames);
    frames.owner.fill(OWNER_guest, nrXenFrames, nrFrames);
    frames.count.fill(1);
    for (let mfn = nrXenFrames; mfn < nrFrames; mfn++) frames.m2p[mfn] = mfn;
    pcpus.vcpu.fill(-1);
    for (let vcpu = 0; vcpu < config.nrVcpus; vcpu++) vcpus.pcpu[vcpu] = vcpu;
    this.own[0] = config.geometry.firstXenFrame ?? 1;
    this.build_idle_table();
    if (this.pv32) for (let vcpu = 0; vcpu < config.nrVcpus; vcpu++) this.setup_compat_l4(vcpu);
    this.root.init(this);
  }

  /** A frame of Xen's own, cleared. */
  alloc_xen_frame(): number {
    const mfn = this.own[0]!;
    if (mfn >= this.config.geometry.nrXenFrames) {
      throw new RangeError(`Xen: ${mfn} frames of its own are used up; raise nrXenFrames`);
    }
    this.own[0] = mfn + 1;
    return mfn;
  }

  /** idle_pg_table: Xen's slots, from which all L4s get theirs. Differs: below L4 only the M2P is built. */
  private build_idle_table(): void {
    const { mem } = this;
    const idle = this.alloc_xen_frame();
    this.own[1] = idle;
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

  /** Copy Xen's slot `slot` from the idle table. */
  copy_xen_slot(l4: number, slot: number): void {
    this.mem.set(l4, slot, this.mem.frame(this.own[1]!, slot), this.mem.flags(this.own[1]!, slot));
  }

  /** Fill Xen's 16 slots of a guest L4, whatever the guest left there. RO_MPT stays blank until it is a kernel table. */
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

  /** Has the guest switched assist `type` on? Mirrors: VM_ASSIST(). */
  vm_assist(type: number): boolean {
    return ((this.own[12]! >>> type) & 1) !== 0;
  }

  set_vm_assist(type: number, on: boolean): void {
    this.own[12] = on ? this.own[12]! | (1 << type) : this.own[12]! & ~(1 << type);
  }

  /** Does `slot` of L4 `l4` hold what init_xen_l4_slots() put there? RO_MPT may be blank. */
  is_xen_l4_slot_right(l4: number, slot: number): boolean {
    const frame = this.mem.frame(l4, slot);
    if (slot === layout.LINEAR_PT_SLOT) return frame === l4;
    if (slot === layout.RO_MPT_SLOT && this.mem.flags(l4, slot) === 0) return true;
    return frame === this.mem.frame(this.own[1]!, slot);
  }

  /**
   * The L4 of a 32-bit guest's vCPU: Xen's own, both of kernel and of user mode, with the guest's L3 in slot 0.
   *
   * Mirrors: setup_compat_l4(), pv/domain.c (facts/xen.md 6). Its type is that of an audited L4, so that updates of it pass.
   */
  private setup_compat_l4(vcpu: number): void {
    const { frames, vcpus, own } = this;
    const l4 = this.alloc_xen_frame();
    frames.type[l4] = PGT_root_page_table;
    frames.typeFlags[l4] = PGT_validated;
    frames.typeCount[l4] = 1;
    this.init_xen_l4_slots(l4);
    this.fill_ro_mpt(l4);
    vcpus.guest_table[vcpu] = l4;
    vcpus.guest_table_user[vcpu] = l4;
    if (own[7] === 0) own[7] = this.alloc_xen_frame();
  }

  /** Fill Xen's slots of the L2 of PAE slot 3: the read-only M2P. Mirrors: init_xen_pae_l2_slots(), pv/mm.c. */
  init_xen_pae_l2_slots(l2: number): void {
    for (let slot = COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT; slot < this.mem.ptes; slot++)
      this.mem.set(l2, slot, 0, 0);
    this.mem.set(l2, COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT, this.own[7]!, __PAGE_COMPAT_MPT);
  }

  /** A frame's lines leave the caches. */
  cache_flush(mfn: number): void {
    this.frames.incoherent[mfn] = 0;
  }

  /** A guest may from now on write to the frame past the caches. */
  mapped_past_caches(mfn: number): void {
    this.frames.incoherent[mfn] = 1;
  }

  /** An instruction of Xen's own raised an exception: a real Xen is dead now. */
  note_host_fault(): void {
    this.own[8]!++;
  }

  /** Exceptions of Xen's own, and hypercalls that ran on the tables of user mode. */
  host_faults(): number {
    return this.own[8]!;
  }

  hypercalls_on_user_tables(): number {
    return this.own[9]!;
  }

  /** Entries of L2+ tables audited or dropped between two preemption checks, at most. */
  longest_unpreempted(): number {
    return this.own[11]!;
  }

  /** One more of them. */
  count_work(): void {
    if (this.preempt === 0) return;
    const work = ++this.own[10]!;
    if (work > this.own[11]!) this.own[11] = work;
  }

  /** Without m2p_strict, a kernel table gets the machine-to-phys table. */
  fill_ro_mpt(l4: number): void {
    if (this.mem.ptes > layout.ROOT_PAGETABLE_LAST_XEN_SLOT) this.copy_xen_slot(l4, layout.RO_MPT_SLOT);
  }

  /** Can a hypercall be preempted at all? */
  readonly is_preemptible: boolean;

  /** Is other work pending, so that a hypercall is to make way? */
  hypercall_preempt_check(): boolean {
    if (this.preempt === 0) return false;
    this.own[10] = 0;
    const checks = this.own[6]! + 1;
    this.own[6] = checks === this.preempt ? 0 : checks;
    return checks === this.preempt;
  }

  /** Types and audits need each other: a table's audit takes types of the tables below (promote.ts, page-type.ts). */
  promote_page(vcpu: number, mfn: number, type: number): Rc {
    return promote_page(this, vcpu, mfn, type);
  }

  demote_page(vcpu: number, mfn: number, type: number): Rc {
    return demote_page(this, vcpu, mfn, type);
  }

  /** Bitmap of the pCPUs that may have tables of the domain loaded. */
  dirty_mask(): number {
    let mask = 0;
    const { dirty, nrPcpus } = this.pcpus;
    for (let pcpu = 0; pcpu < nrPcpus; pcpu++) if (dirty[pcpu] !== 0) mask |= 1 << pcpu;
    return mask;
  }

  /** pCPUs on which the vCPUs of a bitmap are loaded. Mirrors: vcpumask_to_pcpumask(). */
  pcpus_of(vcpuMask: number): number {
    let mask = 0;
    const { vcpus } = this;
    for (let vcpu = 0; vcpu < vcpus.nrVcpus; vcpu++) {
      if (((vcpuMask >>> vcpu) & 1) !== 0 && vcpus.up[vcpu] !== 0) mask |= 1 << vcpus.pcpu[vcpu]!;
    }
    return mask & this.dirty_mask();
  }

  /** A vCPU other than `vcpu` that has `mfn` installed, in either mode, blocked or not; -1 if none. */
  other_holder(vcpu: number, mfn: number): number {
    const { vcpus } = this;
    for (let other = 0; other < vcpus.nrVcpus; other++) {
      if (other !== vcpu && (vcpus.guest_table[other] === mfn || vcpus.guest_table_user[other] === mfn))
        return other;
    }
    return -1;
  }

  /** The one vCPU that has `mfn` installed, -1 if none or several have. */
  only_holder(mfn: number): number {
    const holder = this.other_holder(-1, mfn);
    return holder >= 0 && this.other_holder(holder, mfn) < 0 ? holder : -1;
  }

  note_refusal(vcpu: number, mfn: number, holder: number): void {
    this.own[2] = vcpu;
    this.own[3] = mfn;
    this.own[4] = holder;
    this.own[5]!++;
  }

  /** Installations that the audit refused, or would have. */
  refused(): number {
    return this.own[5]!;
  }

  lastRefusal(): string {
    return `vcpu ${this.own[2]} may not install L4 mfn ${hexFrame(this.own[3]!)}: vcpu ${this.own[4]} has it (-EBUSY)`;
  }

  // Hypervisor: the guest's calls

  hypercall(vcpu: number, calls: hc.CallBuffer, row: number): Rc {
    const first = calls.first[row]!;
    const count = calls.count[row]!;
    const domid = calls.domid[row]!;
    let rc = this.begin_hypercall(vcpu, calls, row);
    if (rc !== -ERESTART) return rc;
    do rc = this.resume_hypercall(vcpu, calls, row);
    while (rc === -ERESTART);
    calls.first[row] = first;
    calls.count[row] = count;
    calls.domid[row] = domid;
    return rc;
  }

  /**
   * The first entry into a hypercall. -ERESTART, which no guest sees: it was preempted, and resume_hypercall() is what
   * the guest does next, or after whatever else happens to this vCPU first (continuation.ts).
   */
  begin_hypercall(vcpu: number, calls: hc.CallBuffer, row: number): Rc {
    this.ledger.count(vcpu, DIRECT[calls.op[row]!] ?? EV.vcpu_op, 1);
    return this.enter_hypercall(vcpu, calls, row);
  }

  resume_hypercall(vcpu: number, calls: hc.CallBuffer, row: number): Rc {
    this.ledger.count(vcpu, EV.continuation, 1);
    return this.enter_hypercall(vcpu, calls, row);
  }

  private enter_hypercall(vcpu: number, calls: hc.CallBuffer, row: number): Rc {
    this.wake(vcpu);
    this.root.enter_from_guest(this, vcpu);
    const rc = this.do_hypercall(vcpu, calls, row);
    if (rc !== -ERESTART) this.ledger.count(vcpu, EV.sysret, 1);
    this.root.exit_to_guest(this, vcpu);
    return rc;
  }

  /** Mirrors: do_multicall(), xen/common/multicall.c; a preempted call preempts the multicall, an iret ends it (XSA-213). */
  multicall(vcpu: number, calls: hc.CallBuffer, count: number): Rc {
    this.wake(vcpu);
    this.root.enter_from_guest(this, vcpu);
    this.ledger.count(vcpu, EV.multicall, 1);
    for (let row = 0; row < count; row++) {
      if (row > 0 && this.hypercall_preempt_check()) this.continue_multicall(vcpu);
      this.ledger.count(vcpu, INSIDE[calls.op[row]!] ?? EV.mc_other, 1);
      if (calls.op[row] === hc.__HYPERVISOR_iret) {
        if (calls.flags[row] !== 0) toggle_guest_mode(this, vcpu);
        calls.rc[row] = 0;
        if (this.rules.iret_ends_multicall) break;
        continue;
      }
      while (this.do_hypercall(vcpu, calls, row) === -ERESTART) this.continue_multicall(vcpu);
    }
    this.ledger.count(vcpu, EV.sysret, 1);
    this.root.exit_to_guest(this, vcpu);
    return 0;
  }

  private continue_multicall(vcpu: number): void {
    this.root.exit_to_guest(this, vcpu);
    this.ledger.count(vcpu, EV.continuation, 1);
    this.root.enter_from_guest(this, vcpu);
  }

  private do_hypercall(vcpu: number, calls: hc.CallBuffer, row: number): Rc {
    if (this.vcpus.kernel_mode[vcpu] === 0) this.own[9]!++;
    const rc = this.dispatch(vcpu, calls, row);
    calls.rc[row] = rc;
    if (rc < 0 && rc !== -ERESTART) this.ledger.count(vcpu, EV.hypercall_failed, 1);
    return rc;
  }

  private dispatch(vcpu: number, calls: hc.CallBuffer, row: number): Rc {
    switch (calls.op[row]) {
      case hc.__HYPERVISOR_mmu_update:
        return do_mmu_update(this, vcpu, calls, row);
      case hc.__HYPERVISOR_mmuext_op:
        return do_mmuext_op(this, vcpu, calls, row);
      case hc.__HYPERVISOR_update_va_mapping:
        return do_update_va_mapping(this, vcpu, calls, row);
      case hc.__HYPERVISOR_set_gdt:
        return do_set_gdt(this, vcpu, calls, row);
      case hc.__HYPERVISOR_stack_switch:
      case hc.__HYPERVISOR_set_segment_base:
      case hc.__HYPERVISOR_update_descriptor:
      case hc.__HYPERVISOR_fpu_taskswitch:
      case hc.__HYPERVISOR_xen_version:
      case hc.__HYPERVISOR_event_channel_op:
        return 0;
      case hc.__HYPERVISOR_vm_assist:
        return do_vm_assist(this, calls, row);
      default:
        return -ENOSYS;
    }
  }

  iret(vcpu: number, toUser: boolean): void {
    this.root.enter_from_guest(this, vcpu);
    this.ledger.count(vcpu, toUser ? EV.iret : EV.iret_kernel, 1);
    this.ledger.count(vcpu, toUser ? EV.sysret : EV.iretq, 1);
    if (toUser) toggle_guest_mode(this, vcpu);
    this.root.exit_to_guest(this, vcpu);
  }

  vcpu_initialise(vcpu: number, cr3: number): Rc {
    this.ledger.count(vcpu, EV.vcpu_op, 1);
    return arch_set_info_guest(this, vcpu, cr3);
  }

  vcpu_up(vcpu: number): Rc {
    this.ledger.count(vcpu, EV.vcpu_op, 1);
    if (this.vcpus.guest_table[vcpu] === 0) return -EINVAL;
    this.vcpus.up[vcpu] = 1;
    return 0;
  }

  vcpu_down(vcpu: number): Rc {
    this.ledger.count(vcpu, EV.vcpu_op, 1);
    if (this.vcpus.up[vcpu] === 0) return -EINVAL;
    this.vcpus.up[vcpu] = 0;
    this.vcpus.blocked[vcpu] = 1;
    return 0;
  }

  block(vcpu: number): void {
    if (this.vcpus.blocked[vcpu] !== 0) return;
    this.root.enter_from_guest(this, vcpu);
    this.ledger.count(vcpu, EV.sched_op, 1);
    this.vcpus.blocked[vcpu] = 1;
  }

  store(vcpu: number, page: Vpn, slot: number, frame: number, flags: number): Rc {
    const { out, mem } = this;
    const pcpu = this.vcpus.pcpu[vcpu]!;
    const error = this.translate(pcpu, page, ACCESS_WRITE);
    if (error === WALK_OK) {
      if (this.frames.mfn_valid(out.frame)) mem.set(out.frame, slot, frame, flags); // a device keeps nothing
      return 0;
    }
    if ((error & PFEC_page_present) !== 0 && this.vcpus.kernel_mode[vcpu] !== 0) {
      this.root.enter_from_guest(this, vcpu);
      const done = pv_ro_page_fault(this, vcpu, page, slot, frame, flags);
      this.root.exit_to_guest(this, vcpu);
      if (done) return 0;
    }
    this.page_fault(vcpu, page, this.vcpus.kernel_mode[vcpu] !== 0 ? error & ~PFEC_user_mode : error);
    return -EFAULT;
  }

  // what the processor reports

  /** SYSCALL from the guest's user mode: bounced to its kernel, which returns with iret(). */
  syscall(vcpu: number): void {
    this.root.enter_from_guest(this, vcpu);
    this.ledger.count(vcpu, EV.syscall_entry, 1);
    this.ledger.count(vcpu, EV.iretq, 1);
    toggle_guest_mode(this, vcpu);
    this.root.exit_to_guest(this, vcpu);
  }

  /** A walk of the root that the pCPU has while the guest runs: WALK_OK, or the error code as the guest sees it. */
  access(vcpu: number, page: Vpn, access: Access, user: boolean): number {
    const error = this.translate(this.vcpus.pcpu[vcpu]!, page, access);
    if (error === WALK_OK) return WALK_OK;
    return user ? error : error & ~PFEC_user_mode;
  }

  private translate(pcpu: number, page: Vpn, access: Access): number {
    const { mem, out, tlb } = this;
    // a 32-bit guest's kernel runs in ring 1, which is a supervisor's
    const ring1 = this.pv32 && this.vcpus.kernel_mode[this.pcpus.vcpu[pcpu]!] !== 0;
    const control = ring1 ? this.xenControl : this.control;
    const root = asMfn(this.pcpus.guest_cr3[pcpu]!);
    return tlb === undefined
      ? walk(mem, control, root, page, access, out)
      : translate(mem, tlb, pcpu, control, root, 0, page, access, out);
  }

  /** Xen reads its linear map at `page`: the frame that is there, or -1. */
  read_linear_map(vcpu: number, page: Vpn): number {
    const pcpu = this.vcpus.pcpu[vcpu]!;
    const root = asMfn(this.pcpus.xen_cr3[pcpu]!);
    const error = translate(this.mem, this.tlb!, pcpu, this.xenControl, root, 0, page, ACCESS_READ, this.out);
    return error === WALK_OK ? this.out.frame : -1;
  }

  /** What the tables that `pcpu` has in Xen map 4 KiB page `page` to: a frame, or -1. Marks no entry accessed. */
  walk_in_xen(pcpu: number, page: Vpn): number {
    const { mem } = this;
    let frame = this.pcpus.xen_cr3[pcpu]!;
    for (let level = 4; level > 0; level--) {
      const slot = Math.floor(page / mem.ptes ** (level - 1)) % mem.ptes;
      if ((mem.flags(frame, slot) & _PAGE_PRESENT) === 0) return -1;
      frame = mem.frame(frame, slot);
    }
    return frame;
  }

  /** Frame that the last successful access() ended in. */
  accessed(): number {
    return this.out.frame;
  }

  /** A page fault while the guest ran, which is the guest's: passed on to its kernel. */
  page_fault(vcpu: number, page: Vpn, error: number): void {
    this.root.enter_from_guest(this, vcpu);
    this.ledger.count(vcpu, EV.page_fault, 1);
    this.ledger.count(vcpu, EV.iretq, 1);
    if (this.vcpus.kernel_mode[vcpu] === 0) toggle_guest_mode(this, vcpu);
    this.root.exit_to_guest(this, vcpu);
    this.guest.page_fault(vcpu, page, error);
  }

  /** An interrupt for the guest, while it ran or was blocked. */
  interrupt(vcpu: number): void {
    if (!this.wake(vcpu)) this.root.enter_from_guest(this, vcpu);
    this.ledger.count(vcpu, EV.irq_entry, 1);
    this.ledger.count(vcpu, EV.iretq, 1);
    if (this.vcpus.kernel_mode[vcpu] === 0) toggle_guest_mode(this, vcpu);
    this.root.exit_to_guest(this, vcpu);
    this.guest.event(vcpu);
  }

  /** A privileged instruction of the guest kernel, emulated. */
  emulate_privop(vcpu: number): void {
    this.root.enter_from_guest(this, vcpu);
    this.ledger.count(vcpu, EV.emulate_privop, 1);
    this.ledger.count(vcpu, EV.iretq, 1);
    this.root.exit_to_guest(this, vcpu);
  }

  /** A blocked vCPU runs again, on its pCPU, whose tables are still its own. True if it was blocked. */
  private wake(vcpu: number): boolean {
    if (this.vcpus.blocked[vcpu] === 0 || this.vcpus.up[vcpu] === 0) return false;
    this.vcpus.blocked[vcpu] = 0;
    this.ledger.count(vcpu, EV.vcpu_switch, 1);
    return true;
  }

  is_blocked(vcpu: number): boolean {
    return this.vcpus.blocked[vcpu] !== 0;
  }

  in_kernel_mode(vcpu: number): boolean {
    return this.vcpus.kernel_mode[vcpu] !== 0;
  }

  /** Frame in the pCPU's %cr3 while its guest runs, and while Xen runs on the guest's behalf. */
  guest_cr3(pcpu: number): number {
    return this.pcpus.guest_cr3[pcpu]!;
  }

  xen_cr3(pcpu: number): number {
    return this.pcpus.xen_cr3[pcpu]!;
  }
}

function rootDesign(config: XenConfig): RootDesign {
  switch (config.root) {
    case "shared":
      return new SharedRoot();
    case "xpti-copy-always":
      return new XptiRoot(true, config.pcid);
    case "xpti":
      return new XptiRoot(false, config.pcid);
    case "vcpu-root":
      return new VcpuRoot();
  }
}

const DIRECT: Record<number, number> = {
  [hc.__HYPERVISOR_mmu_update]: EV.mmu_update,
  [hc.__HYPERVISOR_mmuext_op]: EV.mmuext_op,
  [hc.__HYPERVISOR_update_va_mapping]: EV.update_va_mapping,
  [hc.__HYPERVISOR_stack_switch]: EV.stack_switch,
  [hc.__HYPERVISOR_set_segment_base]: EV.set_segment_base,
  [hc.__HYPERVISOR_update_descriptor]: EV.update_descriptor,
  [hc.__HYPERVISOR_fpu_taskswitch]: EV.fpu_taskswitch,
  [hc.__HYPERVISOR_set_gdt]: EV.set_gdt,
  [hc.__HYPERVISOR_vm_assist]: EV.vm_assist,
  [hc.__HYPERVISOR_xen_version]: EV.xen_version,
  [hc.__HYPERVISOR_event_channel_op]: EV.event_channel_op,
};

const INSIDE: Record<number, number> = {
  [hc.__HYPERVISOR_mmu_update]: EV.mc_mmu_update,
  [hc.__HYPERVISOR_mmuext_op]: EV.mc_mmuext_op,
  [hc.__HYPERVISOR_update_va_mapping]: EV.mc_update_va_mapping,
  [hc.__HYPERVISOR_stack_switch]: EV.mc_stack_switch,
  [hc.__HYPERVISOR_set_segment_base]: EV.mc_set_segment_base,
  [hc.__HYPERVISOR_update_descriptor]: EV.mc_update_descriptor,
};
