/**
 * The Xen twin: one hypervisor with one PV guest.
 *
 * Each of Xen's functions is in a file beside this one and takes the Xen first; this class holds what they work
 * on, takes the guest's calls (Hypervisor), and what the processor reports (syscall(), page_fault(), ...): many short entries
 * of one interface, so one long file.
 */
import { cpumask_words } from "../abi/cpumask.js";
import { EFAULT, EINVAL, ERESTART, type Rc } from "../abi/errno.js";
import { EV } from "../abi/events.js";
import type { Vpn } from "../abi/frames.js";
import * as hc from "../abi/hypercalls.js";
import type { Hypervisor } from "../abi/hypervisor.js";
import { type Ledger, Tally } from "../abi/ledger.js";
import type { EntryRun } from "../abi/mmu-update.js";
import type { PtMemory } from "../abi/memory.js";
import { PFEC_page_present, PFEC_user_mode } from "../abi/page.js";
import type { State } from "../abi/state.js";
import type { Guest } from "../abi/upcalls.js";
import { AuditLog } from "./audit-log.js";
import { arch_set_info_guest, change_guest_mode, toggle_guest_mode, write_cr3 } from "./cr3.js";
import { lastRefusalLine } from "./exclusive-l4.js";
import { fill_on_fault, fill_run_on_fault, replace_on_fault, touch_at_once } from "./fill-on-fault.js";
import { FrameTable, OWNER_guest } from "./frame-table.js";
import { ACCESS_WRITE, type Access } from "./hw/control.js";
import type { Tlb } from "./hw/tlb.js";
import { WALK_OK } from "./hw/walk.js";
import { hook_new_table } from "./hook-table.js";
import { dispatch, DIRECT, INSIDE } from "./hypercall-table.js";
import { flush_pages, store_empty, update_l1es } from "./many-in-one.js";
import { load_both_tables } from "./load-both-tables.js";
import { MapCache } from "./mapcache.js";
import { NO_DEVICES, type MemoryMap } from "./memory-map.js";
import { type AuditRules, XEN_RULES } from "./audit-rules.js";
import { demote_page } from "./demote.js";
import { promote_page } from "./promote.js";
import { Observed } from "./observed.js";
import { PcpuTable } from "./pcpu-table.js";
import { Processor } from "./processor.js";
import { Refusals } from "./refusals.js";
import { pv_ro_page_fault } from "./ro-page-fault.js";
import { exit_to_guest, NO_REFILL, take_refill } from "./refill.js";
import { RequestRegisters } from "./request-registers.js";
import { type RootDesign, rootDesign } from "./root/root-design.js";
import { iret_and_syscall } from "./iret-and-syscall.js";
import { begin_switch_to, end_switch_to, switch_to } from "./switch-to.js";
import { NOT_PLAIN, update_one_l1e } from "./update-one-l1e.js";
import { VcpuTable } from "./vcpu-table.js";
import { in_one_shape, type XenConfig } from "./xen-config.js";
import { XenTables } from "./xen-tables.js";

const IRET = Tally.frequent({ iret: 1, sysret: 1, toggle_guest_mode: 1 });
const IRET_KERNEL = Tally.of({ iret_kernel: 1, iretq: 1 });
const PAGE_FAULT = Tally.of({ page_fault: 1, iretq: 1 });
const SYSCALL_PV32 = Tally.of({ syscall: 1, syscall_entry: 1, iretq: 1 });
const SYSCALL = Tally.of({ syscall: 1, syscall_entry: 1, iretq: 1, toggle_guest_mode: 1 });
/** With the guest kernel's entries missed behind it. */
const SYSCALL_REFILL = Tally.frequent({
  syscall: 1,
  syscall_entry: 1,
  iretq: 1,
  toggle_guest_mode: 1,
  refill_kernel: 1,
});

export class Xen implements Hypervisor {
  readonly frames: FrameTable;
  readonly vcpus: VcpuTable;
  readonly pcpus: PcpuTable;
  /** pCPUs of the flush at hand; behind it, nobody reads it. */
  readonly scratch_cpumask: Uint32Array;
  readonly requests: RequestRegisters;
  readonly processor: Processor;
  readonly tables: XenTables;
  readonly root: RootDesign;
  readonly config: XenConfig;
  readonly log = new AuditLog();
  readonly map: MemoryMap;
  readonly exclusive: XenConfig["exclusive"];
  /** CR4.PGE while the domain runs: a full flush is two writes of CR4 then. XPTI has no global pages. */
  readonly pge: boolean;
  readonly hypervisor: Hypervisor = this;
  readonly rules: AuditRules;
  readonly pv32: boolean;
  /** Nothing sees the middle of a hypercall that loads tables, nor takes it apart. */
  readonly has_plain_loads: boolean;
  /** Nothing sees a page fault that is passed on and returned from in parts. */
  readonly has_plain_faults: boolean;
  /** For tests of races: something else runs, where Xen has let go of (or not yet taken) `mfn` in `where`. */
  race_window: ((where: string, mfn: number) => void) | undefined;
  /** What the pCPUs have cached of guest and linear mappings; undefined: each access walks the tables. */
  readonly tlb: Tlb | undefined;
  readonly observed: Observed;
  readonly refusals: Refusals;
  readonly mapcache: MapCache | undefined;
  private readonly preempt: number;
  /** domain[0]: preemption checks since the last that found work; domain[1]: VM assists, a bit each of types 0..31. */
  private readonly domain: Uint32Array;
  private guest!: Guest;

  /** [0] the L4 of EFI runtime calls, 0 for none yet; [1] efi_rs_lock. */
  readonly efi: Uint32Array;

  /** What the root of a pCPU holds is overwritten before anything looks at it: iret_and_syscall(). */
  root_is_unseen = false;

  /** Whose frames the call at hand maps: OWNER_*. Mirrors: pg_owner. */
  pg_owner = OWNER_guest;

  constructor(
    state: State,
    readonly mem: PtMemory,
    readonly ledger: Ledger,
    given: XenConfig,
  ) {
    const config = in_one_shape(given);
    this.config = config;
    this.frames = new FrameTable(state, config.geometry.nrFrames, config.nrVcpus);
    this.vcpus = new VcpuTable(state, config.nrVcpus);
    this.pcpus = new PcpuTable(state, config.nrPcpus);
    this.scratch_cpumask = new Uint32Array(cpumask_words(config.nrPcpus));
    this.requests = new RequestRegisters(state, config.nrVcpus, config.nrPcpus);
    this.domain = state.u32(2);
    this.efi = state.u32(2);
    this.observed = new Observed(state);
    this.refusals = new Refusals(state);
    if (config.mapDomainPage !== undefined)
      this.mapcache = new MapCache(state, config.nrVcpus, config.mapDomainPage);
    this.tables = new XenTables(state, mem, config.geometry);
    this.processor = new Processor(state, mem, this.pcpus, config);
    this.tlb = this.processor.tlb;
    this.root = rootDesign(config);
    this.map = config.map ?? NO_DEVICES;
    this.exclusive = config.exclusive;
    this.rules = config.rules ?? XEN_RULES;
    this.pv32 = config.pv32 === true;
    this.preempt = config.preempt ?? 0;
    this.is_preemptible = this.preempt !== 0;
    this.has_plain_loads =
      this.rules === XEN_RULES &&
      this.mapcache === undefined &&
      this.tlb === undefined &&
      !this.pv32 &&
      !this.is_preemptible;
    this.has_plain_faults =
      !this.pv32 && this.tlb === undefined && this.mapcache === undefined && this.rules.unlock_on_error;
    this.pge = config.pge !== false && config.root !== "xpti" && config.root !== "xpti-copy-always";
  }

  attach(guest: Guest): void {
    this.guest = guest;
  }

  /** Boot: who owns which frame, Xen's own tables, and one pCPU per vCPU. */
  init(): void {
    const { frames, config, vcpus, pcpus } = this;
    frames.init(config.geometry.nrXenFrames);
    pcpus.vcpu.fill(-1);
    for (let vcpu = 0; vcpu < config.nrVcpus; vcpu++) vcpus.pcpu[vcpu] = vcpu;
    this.mapcache?.init();
    this.tables.build_idle_table();
    if (this.pv32)
      for (let vcpu = 0; vcpu < config.nrVcpus; vcpu++) this.tables.setup_compat_l4(frames, vcpus, vcpu);
    this.tables.mark_design_frames();
    if (this.exclusive !== "off") this.tables.alloc_percpu_l3s(pcpus);
    this.root.init(this);
  }

  /** Has the guest switched assist `type` on? Mirrors: VM_ASSIST(). */
  vm_assist(type: number): boolean {
    return ((this.domain[1]! >>> type) & 1) !== 0;
  }

  set_vm_assist(type: number, on: boolean): void {
    this.domain[1] = on ? this.domain[1]! | (1 << type) : this.domain[1]! & ~(1 << type);
  }

  /** A frame's lines leave the caches. */
  cache_flush(mfn: number): void {
    this.frames.incoherent[mfn] = 0;
  }

  /** A guest may from now on write to the frame past the caches. */
  mapped_past_caches(mfn: number): void {
    this.frames.incoherent[mfn] = 1;
  }

  /** One more entry of an L2+ table is audited or dropped. */
  count_work(): void {
    if (this.is_preemptible) this.observed.note_work();
  }

  /** Can a hypercall be preempted at all? */
  readonly is_preemptible: boolean;

  /** Is other work pending, so that a hypercall is to make way? */
  hypercall_preempt_check(): boolean {
    if (this.preempt === 0) return false;
    this.observed.note_preemption_check();
    const checks = this.domain[0]! + 1;
    this.domain[0] = checks === this.preempt ? 0 : checks;
    return checks === this.preempt;
  }

  /** Types and audits need each other: a table's audit takes types of the tables below (promote.ts, page-type.ts). */
  promote_page(vcpu: number, mfn: number, type: number): Rc {
    return promote_page(this, vcpu, mfn, type);
  }

  demote_page(vcpu: number, mfn: number, type: number): Rc {
    return demote_page(this, vcpu, mfn, type);
  }

  /** Installations that the audit refused, or would have. */
  refused(): number {
    return this.refusals.total[0]!;
  }

  /** The last of them, as the audit log has it. */
  lastRefusal(): string {
    return lastRefusalLine(this);
  }

  // Hypervisor: the guest's calls

  hypercall(vcpu: number, calls: hc.CallBuffer, row: number): Rc {
    const done = this.in_one_piece(vcpu, calls, row);
    if (done !== NOT_PLAIN) return done;
    const first = calls.first[row]!;
    const count = calls.count[row]!;
    const domid = calls.domid[row]!;
    let rc = this.begin_hypercall(vcpu, calls, row, true);
    while (rc === -ERESTART) rc = this.resume_hypercall(vcpu, calls, row, true);
    calls.first[row] = first;
    calls.count[row] = count;
    calls.domid[row] = domid;
    return rc;
  }

  private in_one_piece(vcpu: number, calls: hc.CallBuffer, row: number): Rc {
    const op = calls.op[row];
    if (op === hc.__HYPERVISOR_mmu_update) return update_one_l1e(this, vcpu, calls, row);
    return op === hc.__HYPERVISOR_mmuext_op ? load_both_tables(this, vcpu, calls, row) : NOT_PLAIN;
  }

  /**
   * The first entry into a hypercall. -ERESTART, which no guest sees: it was preempted, and resume_hypercall() is what
   * the guest does next, or after whatever else happens to this vCPU first (continuation.ts). `inPlace`: nothing does.
   */
  begin_hypercall(vcpu: number, calls: hc.CallBuffer, row: number, inPlace = false): Rc {
    this.ledger.count(vcpu, DIRECT[calls.op[row]!] ?? EV.vcpu_op, 1);
    return this.enter_hypercall(vcpu, calls, row, inPlace);
  }

  resume_hypercall(vcpu: number, calls: hc.CallBuffer, row: number, inPlace = false): Rc {
    this.ledger.count(vcpu, EV.continuation, 1);
    return this.enter_hypercall(vcpu, calls, row, inPlace);
  }

  private enter_hypercall(vcpu: number, calls: hc.CallBuffer, row: number, inPlace: boolean): Rc {
    this.wake(vcpu);
    this.root.enter_from_guest(this, vcpu);
    const rc = this.do_hypercall(vcpu, calls, row, inPlace);
    if (rc === -ERESTART) this.root.exit_to_guest(this, vcpu);
    else {
      this.ledger.count(vcpu, EV.sysret, 1);
      exit_to_guest(this, vcpu);
    }
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
      while (this.do_hypercall(vcpu, calls, row, true) === -ERESTART) this.continue_multicall(vcpu);
    }
    this.ledger.count(vcpu, EV.sysret, 1);
    exit_to_guest(this, vcpu);
    return 0;
  }

  private continue_multicall(vcpu: number): void {
    this.root.exit_to_guest(this, vcpu);
    this.ledger.count(vcpu, EV.continuation, 1);
    this.root.enter_from_guest(this, vcpu);
  }

  private do_hypercall(vcpu: number, calls: hc.CallBuffer, row: number, inPlace: boolean): Rc {
    if (this.vcpus.kernel_mode[vcpu] === 0) this.observed.note_hypercall_on_user_tables();
    const rc = dispatch(this, vcpu, calls, row, inPlace);
    calls.rc[row] = rc;
    if (rc < 0 && rc !== -ERESTART) this.ledger.count(vcpu, EV.hypercall_failed, 1);
    return rc;
  }

  iret(vcpu: number, toUser: boolean): void {
    if (this.pv32) {
      // from ring 1 the guest executes IRET itself: xen_iret, xen-asm_32.S of Linux 5.8
      if (toUser) toggle_guest_mode(this, vcpu);
      return;
    }
    this.root.enter_from_guest(this, vcpu);
    this.ledger.countAll(vcpu, toUser ? IRET : IRET_KERNEL);
    if (toUser) change_guest_mode(this, vcpu);
    exit_to_guest(this, vcpu);
  }

  vcpu_initialise(vcpu: number, cr3: number, user = 0): Rc {
    this.ledger.count(vcpu, EV.vcpu_op, 1);
    return arch_set_info_guest(this, vcpu, cr3, user);
  }

  vcpu_up(vcpu: number): Rc {
    this.ledger.count(vcpu, EV.vcpu_op, 1);
    this.config.lower?.vcpu_op(vcpu);
    if (this.vcpus.is_initialised[vcpu] === 0) return -EINVAL;
    this.vcpus.up[vcpu] = 1;
    return 0;
  }

  vcpu_down(vcpu: number): Rc {
    this.ledger.count(vcpu, EV.vcpu_op, 1);
    this.config.lower?.vcpu_op(vcpu);
    if (this.vcpus.up[vcpu] === 0) return -EINVAL;
    this.vcpus.up[vcpu] = 0;
    this.vcpus.blocked[vcpu] = 1;
    return 0;
  }

  block(vcpu: number): void {
    if (this.vcpus.blocked[vcpu] !== 0) return;
    this.root.enter_from_guest(this, vcpu);
    this.ledger.count(vcpu, EV.sched_op, 1);
    this.config.lower?.hlt(vcpu);
    this.vcpus.blocked[vcpu] = 1;
  }

  store(vcpu: number, page: Vpn, slot: number, frame: number, flags: number): Rc {
    const { out } = this.processor;
    const error = this.translate(vcpu, page, ACCESS_WRITE);
    if (error === WALK_OK) {
      if (this.frames.mfn_valid(out.frame)) this.mem.set(out.frame, slot, frame, flags); // a device keeps nothing
      return 0;
    }
    if ((error & PFEC_page_present) !== 0 && this.vcpus.kernel_mode[vcpu] !== 0) {
      this.root.enter_from_guest(this, vcpu);
      const done = pv_ro_page_fault(this, vcpu, page, slot, frame, flags);
      exit_to_guest(this, vcpu);
      if (done) return 0;
    }
    this.page_fault(vcpu, page, this.vcpus.kernel_mode[vcpu] !== 0 ? error & ~PFEC_user_mode : error);
    return -EFAULT;
  }

  store_empty(vcpu: number, page: Vpn, first: number, end: number): boolean {
    return store_empty(this, vcpu, page, first, end);
  }

  update_l1es(vcpu: number, table: number, run: EntryRun, from: number, to: number, flags: number): boolean {
    return update_l1es(this, vcpu, table, run, from, to, flags);
  }

  flush_pages(vcpu: number, page: Vpn, n: number): boolean {
    return flush_pages(this, vcpu, page, n);
  }

  switch_to(vcpu: number, queued: hc.CallBuffer | undefined, n: number): boolean {
    return switch_to(this, vcpu, queued, n);
  }

  begin_switch_to(vcpu: number, kernel: number, user: number): boolean {
    return begin_switch_to(this, vcpu, kernel, user);
  }

  end_switch_to(vcpu: number): void {
    end_switch_to(this, vcpu);
  }

  fill_on_fault(vcpu: number, table: number, slot: number, frame: number, flags: number): boolean {
    return fill_on_fault(this, vcpu, table, slot, frame, flags);
  }

  fill_run_on_fault(vcpu: number, table: number, run: EntryRun, flags: number): boolean {
    return fill_run_on_fault(this, vcpu, table, run, flags);
  }

  replace_on_fault(
    vcpu: number,
    at: Vpn,
    page: Vpn,
    table: number,
    slot: number,
    frame: number,
    flags: number,
  ): boolean {
    return replace_on_fault(this, vcpu, at, page, table, slot, frame, flags);
  }

  hook_new_table(
    vcpu: number,
    level: 1 | 2,
    table: number,
    at: Vpn,
    readOnly: number,
    upper: number,
    slot: number,
    flags: number,
  ): boolean {
    return hook_new_table(this, vcpu, level, table, at, readOnly, upper, slot, flags);
  }

  // what the processor reports

  /** SYSCALL from the guest's user mode: bounced to its kernel, which returns with iret(). */
  syscall(vcpu: number): void {
    const { ledger, root } = this;
    root.enter_from_guest(this, vcpu);
    change_guest_mode(this, vcpu);
    root.exit_to_guest(this, vcpu);
    const refill = take_refill(this, vcpu);
    if (refill === EV.refill_kernel && !this.pv32) {
      ledger.countAll(vcpu, SYSCALL_REFILL);
      return;
    }
    ledger.countAll(vcpu, this.pv32 ? SYSCALL_PV32 : SYSCALL);
    if (refill !== NO_REFILL) ledger.count(vcpu, refill, 1);
  }

  iret_and_syscall(vcpu: number): void {
    iret_and_syscall(this, vcpu);
  }

  /** A walk of the root that the pCPU has while the guest runs: WALK_OK, or the error code as the guest sees it. */
  access(vcpu: number, page: Vpn, access: Access, user: boolean): number {
    const error = this.translate(vcpu, page, access);
    if (error === WALK_OK) return WALK_OK;
    return user ? error : error & ~PFEC_user_mode;
  }

  touch_at_once(vcpu: number, page: Vpn, access: Access): number {
    return touch_at_once(this, this.guest, vcpu, page, access);
  }

  private translate(vcpu: number, page: Vpn, access: Access): number {
    const ring1 = this.pv32 && this.vcpus.kernel_mode[vcpu] !== 0;
    return this.processor.access(this.vcpus.pcpu[vcpu]!, page, access, ring1);
  }

  /** Frame that the last successful access() ended in. */
  accessed(): number {
    return this.processor.out.frame;
  }

  /** A page fault while the guest ran, which is the guest's: passed on to its kernel. */
  page_fault(vcpu: number, page: Vpn, error: number): void {
    if (this.guest.page_fault_at_once?.(vcpu, page, error) === true) return;
    this.root.enter_from_guest(this, vcpu);
    this.ledger.countAll(vcpu, PAGE_FAULT);
    if (this.vcpus.kernel_mode[vcpu] === 0) toggle_guest_mode(this, vcpu);
    exit_to_guest(this, vcpu);
    this.guest.page_fault(vcpu, page, error);
  }

  /** An interrupt for the guest, while it ran or was blocked. */
  interrupt(vcpu: number): void {
    if (!this.wake(vcpu)) this.root.enter_from_guest(this, vcpu);
    this.ledger.count(vcpu, EV.irq_entry, 1);
    this.ledger.count(vcpu, EV.iretq, 1);
    if (this.vcpus.kernel_mode[vcpu] === 0) toggle_guest_mode(this, vcpu);
    exit_to_guest(this, vcpu);
    this.guest.event(vcpu);
  }

  /** A privileged instruction of the guest kernel, emulated. */
  emulate_privop(vcpu: number): void {
    this.root.enter_from_guest(this, vcpu);
    this.ledger.count(vcpu, EV.emulate_privop, 1);
    this.ledger.count(vcpu, EV.iretq, 1);
    exit_to_guest(this, vcpu);
  }

  /** MOV to CR3 in the guest's kernel. False: the guest gets #GP(0). */
  mov_to_cr3(vcpu: number, mfn: number): boolean {
    this.root.enter_from_guest(this, vcpu);
    this.ledger.count(vcpu, EV.emulate_privop, 1);
    this.ledger.count(vcpu, EV.iretq, 1);
    const done = write_cr3(this, vcpu, mfn);
    exit_to_guest(this, vcpu);
    return done;
  }

  /** A blocked vCPU runs again, on its pCPU, whose tables are still its own, as a rule. True if it was blocked. */
  private wake(vcpu: number): boolean {
    const { vcpus, pcpus } = this;
    if (vcpus.blocked[vcpu] === 0 || vcpus.up[vcpu] === 0) return false;
    vcpus.blocked[vcpu] = 0;
    this.ledger.count(vcpu, EV.vcpu_switch, 1);
    const pcpu = vcpus.pcpu[vcpu]!;
    if (pcpus.vcpu[pcpu] !== vcpu) {
      pcpus.vcpu[pcpu] = vcpu;
      pcpus.dirty[pcpu] = 1;
      this.root.write_ptbase(this, vcpu, false);
    }
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
