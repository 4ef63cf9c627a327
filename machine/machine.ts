/**
 * A machine: one Linux twin booted on one Xen twin, joined only through the modelled ABI.
 *
 * Its methods are what happens to a computer from outside the kernels: a program traps, an interrupt comes, the
 * scheduler decides. What the kernels then do is theirs. All state lies in one buffer (abi/state.ts).
 */
import type { PcpuId, VcpuId, Vpn } from "../abi/frames.js";
import { CAUSE, Ledger, NestedLedger } from "../abi/ledger.js";
import { PtMemory } from "../abi/memory.js";
import type { Proposal } from "../abi/proposal.js";
import { State } from "../abi/state.js";
import { boot } from "../linux-mm-model/boot.js";
import { Linux } from "../linux-mm-model/linux.js";
import { return_to_user } from "../linux-mm-model/entry.js";
import type { AuditRules } from "../xen-model/audit-rules.js";
import { type Container, TOUCH_DONE, TOUCH_FAULTED, TOUCH_PLAIN } from "../xen-model/container.js";
import { PFEC_insn_fetch, PFEC_user_mode, PFEC_write_access } from "../abi/page.js";
import { ACCESS_FETCH, ACCESS_WRITE, type Access } from "../xen-model/hw/control.js";
import { efi_runtime_call, start_idle_vcpus } from "../xen-model/idle-vcpus.js";
import type { Xen } from "../xen-model/xen.js";
import { build_container } from "./containers.js";
import type { Geometry } from "./geometry.js";
import { type ByteRange, ReusedBytes } from "./reused-bytes.js";

export interface MachineConfig {
  readonly proposal: Proposal;
  readonly geometry: Geometry;
  /** Does Xen use PCID for XPTI domains, and does the processor have INVPCID? */
  readonly pcid: boolean;
  readonly invpcid: boolean;
  /** Does Xen use global pages? It does (default), but where it runs virtualised on AMD, as in some recordings. */
  readonly pge?: boolean;
  /** Are RCU callbacks invoked by other CPUs (rcu_nocbs=)? They are not by default. */
  readonly rcuNocbs?: boolean;
  /** Does a refused installation stop at the audit, or is it only counted, so that its cost can be told? */
  readonly audit: "enforce" | "observe";
  /** For tests and mutants: Xen's audit with a rule that it does not have. */
  readonly rules?: AuditRules;
}

export class Machine {
  readonly state: State;
  readonly memory: PtMemory;
  readonly ledger: Ledger;
  /** The Xen that the guest calls. In a shim that is the shim's own, and the machine's is `host`. */
  readonly xen: Xen;
  /** The Xen that has the machine: whose %cr3 the promise is about. */
  readonly host: Xen;
  readonly container: Container;
  readonly linux: Linux;
  /** pCPUs: vCPU n runs on pCPU n; those behind have none. */
  readonly nrPcpus: number;

  /** Build a machine, not yet booted, in memory of its own or in that of an earlier one; or bind one to the bytes of snapshot(). */
  constructor(
    readonly config: MachineConfig,
    bytes?: ArrayBuffer | ReusedBytes,
  ) {
    const measured = () => parts(new State("measure"), config).state.usedBytes;
    const reused = bytes instanceof ReusedBytes;
    const source = reused ? bytes.take(measured(), () => this.unwritten()) : (bytes ?? measured());
    const built = parts(new State(source), config);
    this.state = built.state;
    this.ledger = built.ledger;
    this.xen = built.xen;
    this.host = built.host;
    this.container = built.container;
    this.linux = built.linux;
    this.memory = built.memory;
    this.nrPcpus = this.host.config.nrPcpus;
    this.container.attach(this.linux);
    this.linux.connect(this.container.hypervisor, this.container.native);
  }

  /** Start Xen and the guest. The ledger starts empty afterwards. */
  boot(): this {
    this.container.init();
    const { idle } = this.config.proposal.xen;
    if (idle !== undefined) start_idle_vcpus(this.host, idle.table === "shared");
    boot(this.linux);
    this.ledger.clear();
    return this;
  }

  /** Of the buffer: the contents of frames for tables that Linux has not used yet, the most of it. */
  private unwritten(): ByteRange {
    const { words, ptes } = this.memory;
    const { firstFrame } = this.linux.config;
    const used = Math.max(firstFrame, this.linux.pages.first_unused_table());
    return [words.byteOffset + used * ptes * 8, words.byteOffset + words.byteLength];
  }

  /** A copy of everything that changes. */
  snapshot(): ArrayBuffer {
    return this.state.buffer.slice(0);
  }

  /** Do two machines hold the same bytes? Those of calls that were made aside: who makes them in one piece does not write them. */
  equals(other: Machine): boolean {
    for (const { ledger, linux } of [this, other]) {
      ledger.settle();
      for (const mc of linux.mc) mc.settle();
    }
    return Buffer.from(this.state.buffer).equals(Buffer.from(other.state.buffer));
  }

  /** User mode of `vcpu` executes SYSCALL; the guest kernel runs afterwards. */
  syscall(vcpu: VcpuId): void {
    const before = this.ledger.enter(vcpu, CAUSE.syscall);
    this.container.syscall(vcpu);
    this.linux.percpu.in_user[vcpu] = 0;
    this.ledger.enter(vcpu, before);
  }

  /** return_to_user(), then syscall(). */
  next_syscall(vcpu: VcpuId): void {
    const { linux, container } = this;
    if (
      linux.percpu.in_user[vcpu] !== 0 ||
      !linux.at_once ||
      linux.hv !== container.hypervisor || // who listens to the guest's calls hears each
      container.iret_and_syscall === undefined
    ) {
      this.return_to_user(vcpu);
      this.syscall(vcpu);
      return;
    }
    container.iret_and_syscall(vcpu);
  }

  /** The kernel is entered, if user mode ran: by an interrupt, which is what is left where nothing else is known. */
  enter_kernel(vcpu: VcpuId): void {
    if (this.linux.percpu.in_user[vcpu] === 0 && this.container.in_kernel_mode(vcpu)) return;
    this.linux.percpu.need_resched[vcpu] = 1;
    this.interrupt(vcpu);
  }

  /** The scheduler of `vcpu` is about to run: from the kernel, an interrupt of user mode, or a wake-up from idle. */
  enter_scheduler(vcpu: VcpuId): void {
    if (!this.container.is_blocked(vcpu)) this.enter_kernel(vcpu);
    else {
      this.linux.percpu.need_resched[vcpu] = 1;
      this.interrupt(vcpu);
    }
  }

  /** The guest kernel returns to user mode. */
  return_to_user(vcpu: VcpuId): void {
    if (this.linux.percpu.in_user[vcpu] === 0) return_to_user(this.linux, vcpu);
  }

  /**
   * The program on `vcpu` touches a page, from user mode or (`kernel`) in a copy to or from user space: walks
   * and faults until the access succeeds, as the processor retries it. Returns the number of faults.
   *
   * Errors: RangeError after 8 faults: a fault loop, which a design must not have (I-6).
   */
  touch(vcpu: VcpuId, page: Vpn, access: Access, kernel = false): number {
    const done = kernel ? TOUCH_PLAIN : this.touch_at_once(vcpu, page, access);
    if (done === TOUCH_DONE) return 1;
    for (let faults = done === TOUCH_FAULTED ? 1 : 0; faults < 8; faults++) {
      const error = this.access(vcpu, page, access, !kernel);
      if (error < 0) return faults;
      this.fault(vcpu, page, error);
    }
    throw new RangeError(
      `touch: page 0x${page.toString(16)} faults for ever on vcpu ${vcpu}; see the design's sync_fault`,
    );
  }

  /** The same of a program's, in one piece where that is possible: TOUCH_*. */
  private touch_at_once(vcpu: VcpuId, page: Vpn, access: Access): number {
    const { ledger, container } = this;
    if (container.touch_at_once === undefined) return TOUCH_PLAIN;
    const before = ledger.enter(vcpu, CAUSE.fault);
    const answer = container.touch_at_once(vcpu, page, access);
    ledger.enter(vcpu, before);
    return answer;
  }

  /** What the processor says of the access: WALK_OK, or an error code. */
  private access(vcpu: VcpuId, page: Vpn, access: Access, user: boolean): number {
    const { linux, container } = this;
    if (linux.pae === undefined) return container.access(vcpu, page, access, user);
    const seen = linux.pae.page_of(linux, linux.percpu.loaded_mm[vcpu]!, page);
    if (seen >= 0) return container.access(vcpu, seen as Vpn, access, user);
    // no L1 table, so the walk ends at an empty entry of an L2
    return (
      (user ? PFEC_user_mode : 0) |
      (access === ACCESS_WRITE ? PFEC_write_access : 0) |
      (access === ACCESS_FETCH ? PFEC_insn_fetch : 0)
    );
  }

  /** The processor raises #PF on `vcpu`, whose guest kernel handles it and returns to where it was. */
  fault(vcpu: VcpuId, page: Vpn, error: number): void {
    const before = this.ledger.enter(vcpu, CAUSE.fault);
    this.container.page_fault(vcpu, page, error);
    this.ledger.enter(vcpu, before);
  }

  /** An interrupt for the guest arrives while `vcpu` runs. */
  interrupt(vcpu: VcpuId): void {
    const before = this.ledger.enter(vcpu, CAUSE.irq);
    this.container.interrupt(vcpu);
    this.ledger.enter(vcpu, before);
  }

  /** dom0 calls the firmware on `vcpu`, and `during` is told when it runs. False: another pCPU is in such a call. */
  efi_runtime_call(vcpu: VcpuId, during: () => void): boolean {
    return efi_runtime_call(this.host, vcpu, during);
  }

  /**
   * MFN in the pCPU's %cr3 while its guest runs, 0 if none ever does, and while Xen runs there. Of a hardware guest, whose
   * CR3 is its own while it runs, both are HOST_CR3.
   */
  guest_cr3(pcpu: PcpuId): number {
    return this.host.guest_cr3(pcpu);
  }

  xen_cr3(pcpu: PcpuId): number {
    return this.host.xen_cr3(pcpu);
  }

  /**
   * The same one level in, or undefined: of a shim what its own pCPUs have in %cr3, of a PVH guest its CR3 register,
   * of a 32-bit PV guest the L3 in slot 0 of the vCPU's L4.
   * Frames of the guest, that no pCPU of the machine has loaded.
   */
  inner_guest_cr3(vcpu: VcpuId): number | undefined {
    const { container } = this.config.proposal.xen;
    if (container === "shim") return this.xen.guest_cr3(vcpu);
    if (container === "pv32") return this.memory.frame(this.host.vcpus.guest_table[vcpu]!, 0);
    return container === "pvh" ? this.host.vcpus.guest_table[vcpu]! : undefined;
  }

  inner_xen_cr3(vcpu: VcpuId): number | undefined {
    return this.config.proposal.xen.container === "shim" ? this.xen.xen_cr3(vcpu) : undefined;
  }
}

/** Which kernel runs in a container. */
const PARAVIRT = { pv: "xen", pv32: "xen-pae", pvh: "native", shim: "xen" } as const;

function parts(state: State, config: MachineConfig) {
  const { geometry, proposal } = config;
  const ledger =
    proposal.xen.container === "pv" || proposal.xen.container === "pv32"
      ? new Ledger(state, geometry.nrCpus)
      : new NestedLedger(state, geometry.nrCpus);
  const memory = new PtMemory(state, geometry);
  const xens = build_container(state, memory, ledger, config);
  const linux = new Linux(state, memory, ledger, {
    nrCpus: geometry.nrCpus,
    firstFrame: geometry.nrXenFrames,
    nrTables: geometry.nrTables,
    nrFrames: geometry.nrFrames,
    ptes: geometry.ptes,
    maxMms: geometry.maxMms,
    maxTasks: geometry.maxTasks,
    maxVmas: geometry.maxVmas,
    maxFiles: geometry.maxFiles,
    splitPtlocks: true,
    faultAroundPages: 16,
    fsgsbase: true,
    nullSegBug: true,
    paravirt: PARAVIRT[proposal.xen.container],
    rcuNocbs: config.rcuNocbs ?? false,
    top: proposal.linux.top,
    sync: proposal.linux.sync,
    unlazy: proposal.linux.unlazy,
    kernelSync: proposal.linux.kernelSync,
    parameters: proposal.parameters,
  });
  return { state, memory, ledger, linux, ...xens };
}
