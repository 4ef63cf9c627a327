/**
 * The current state of a check: the machine, and the registers beside it; and Linux's hypercalls, step by step.
 */
import { EFAULT, ERESTART, type Rc } from "../../abi/errno.js";
import {
  __HYPERVISOR_mmu_update,
  __HYPERVISOR_mmuext_op,
  __HYPERVISOR_update_va_mapping,
  type CallBuffer,
} from "../../abi/hypercalls.js";
import { HYPERCALL_STEPPED, type Hypervisor } from "../../abi/hypervisor.js";
import { _PAGE_PRESENT, _PAGE_RW } from "../../abi/page.js";
import { advance, type Path } from "../../abi/path.js";
import type { Linux } from "../../linux-mm-model/linux.js";
import { P4D_PAGES } from "../../linux-mm-model/pgtable.js";
import { direct_map } from "../../linux-mm-model/xen/prot.js";
import { xen_mc_done } from "../../linux-mm-model/xen/multicalls.js";
import { do_mmu_update_path } from "../../xen-model/do-mmu-update.js";
import { do_mmuext_op_path } from "../../xen-model/do-mmuext-op.js";
import { dispatch } from "../../xen-model/hypercall-table.js";
import { PGT_l4_page_table } from "../../xen-model/frame-table.js";
import { exit_to_guest } from "../../xen-model/refill.js";
import type { Xen } from "../../xen-model/xen.js";
import { directMapWord } from "./l3-codec.js";
import { L4Pool } from "./l4-pool.js";
import { PvRegisters, READS_write } from "./registers.js";
import { firstKthread } from "./bounds.js";
import { type Scene } from "./scene.js";

/** In do_mmu_update_path. */
const FLUSH_LOCAL = 2;

export class PvState {
  readonly linux: Linux;
  readonly xen: Xen;
  readonly regs: PvRegisters;
  readonly slots: number;
  readonly l4Pool: L4Pool;
  private readonly firstKthread: number;
  /** L4s that Xen has audited, and frames that may become L3s. */
  readonly audited: readonly number[];
  readonly l3s: readonly number[];

  constructor(readonly scene: Scene) {
    this.linux = scene.machine.linux;
    this.xen = scene.machine.xen;
    this.regs = new PvRegisters(scene.machine.state, scene.bounds);
    this.slots = scene.bounds.slots;
    this.firstKthread = firstKthread(scene.bounds);
    this.l4Pool = new L4Pool(scene);
    this.xen.refusals.total[0] = 0; // those of boot are none of a step
    const { frames } = this.xen;
    const all = Array.from({ length: frames.nrFrames }, (_, mfn) => mfn);
    this.audited = [...new Set([...scene.typed, ...this.l4Pool.frames])];
    this.l3s = all
      .slice(...scene.pool)
      .filter((mfn) => frames.type[mfn] !== PGT_l4_page_table && this.l4Pool.has[mfn] === 0);
    this.linux.connect(this.steppedHypervisor());
    this.linux.pv.send_call_func_single_ipi = () => undefined; // taken in an action of its own
    this.xen.attach({ page_fault: () => undefined, event: () => undefined });
  }

  /** mm of the task that runs on `vcpu`. */
  mmOf(vcpu: number): number {
    return this.linux.tasks.mm[this.linux.percpu.current[vcpu]!]!;
  }

  runsKthread(vcpu: number): boolean {
    return this.linux.percpu.current[vcpu]! >= this.firstKthread;
  }

  faultSlot(vcpu: number): number {
    return Math.floor(this.linux.fault.page[vcpu]! / P4D_PAGES);
  }

  /** Does somebody hold mm's mmap_lock for reading? */
  isRead(mm: number): boolean {
    const { reads } = this.regs;
    for (let vcpu = 0; vcpu < reads.length; vcpu++)
      if (reads[vcpu] !== 0 && this.mmOf(vcpu) === mm) return true;
    return false;
  }

  /** Does another CPU hold mm's mmap_lock for writing? */
  isWritten(mm: number): boolean {
    const { reads } = this.regs;
    for (let vcpu = 0; vcpu < reads.length; vcpu++)
      if (reads[vcpu] === READS_write && this.mmOf(vcpu) === mm) return true;
    return false;
  }

  /** Has Xen audited L4 `l4`, and has it in use? */
  isAudited(l4: number): boolean {
    const { type, typeCount } = this.xen.frames;
    return type[l4] === PGT_l4_page_table && typeCount[l4] !== 0;
  }

  /** A new mm with a top level, in life.mm. */
  newMm(vcpu: number): number {
    const { linux } = this;
    const mm = linux.mms.allocate_mm();
    linux.pv.pgd_alloc(vcpu, mm);
    linux.life.mm[vcpu] = mm;
    return mm;
  }

  /** The access that the vCPU's fault was about: the table for user mode lacks the slot, and the reference has it. */
  faultsAgain(vcpu: number): boolean {
    const { memory } = this.linux;
    const slot = this.faultSlot(vcpu);
    const reference = this.linux.mms.pgd[this.mmOf(vcpu)]!;
    return (
      (memory.flags(reference, slot) & _PAGE_PRESENT) !== 0 &&
      (memory.flags(this.xen.vcpus.guest_table_user[vcpu]!, slot) & _PAGE_PRESENT) === 0
    );
  }

  /** Xen, but that calls about tables are only noted: stepXen() makes them. */
  private steppedHypervisor(): Hypervisor {
    const { xen, regs } = this;
    const begin = (vcpu: number): number => {
      if (regs.inXen[vcpu] !== 0) throw new RangeError(`vcpu ${vcpu}: a step makes two hypercalls; split it`);
      regs.inXen[vcpu] = 1;
      regs.row[vcpu] = 0;
      regs.xenPc[vcpu] = 0;
      return HYPERCALL_STEPPED;
    };
    const isStepped = (op: number): boolean =>
      op === __HYPERVISOR_mmu_update ||
      op === __HYPERVISOR_mmuext_op ||
      op === __HYPERVISOR_update_va_mapping;
    return {
      hypercall: (vcpu, calls, row) =>
        isStepped(calls.op[row]!) ? begin(vcpu) : xen.hypercall(vcpu, calls, row),
      multicall: (vcpu) => begin(vcpu),
      iret: (vcpu, toUser) => xen.iret(vcpu, toUser),
      emulate_privop: (vcpu) => xen.emulate_privop(vcpu),
      vcpu_initialise: (vcpu, cr3) => xen.vcpu_initialise(vcpu, cr3),
      vcpu_up: (vcpu) => xen.vcpu_up(vcpu),
      vcpu_down: (vcpu) => xen.vcpu_down(vcpu),
      block: (vcpu) => xen.block(vcpu),
      store: (vcpu, page, slot, frame, flags) => this.store(vcpu, page, slot, frame, flags),
    };
  }

  /** A plain store to a table, which the direct map has to let through; else it counts as a call that failed. */
  private store(vcpu: number, page: number, slot: number, frame: number, flags: number): Rc {
    const { linux, scene } = this;
    const { memory } = linux;
    const table = page - direct_map(0);
    if ((memory.words[directMapWord(scene.machine, table)]! & _PAGE_RW) === 0) {
      linux.mc[vcpu]!.failed[0]!++;
      return -EFAULT;
    }
    memory.set(table, slot, frame, flags);
    return 0;
  }

  /** The steps of the call that the vCPU is in; undefined: it has no steps that others can see between. */
  xenPath(vcpu: number): Path<Xen> | undefined {
    switch (this.linux.mc[vcpu]!.calls.op[this.regs.row[vcpu]!]) {
      case __HYPERVISOR_mmu_update:
        return do_mmu_update_path;
      case __HYPERVISOR_mmuext_op:
        return do_mmuext_op_path;
      default:
        return undefined;
    }
  }

  /**
   * The next step of the hypercalls that `vcpu` makes, in the order of Xen.multicall(). What only it itself sees belongs to the
   * step before: the beginning of a call, the look for another request.
   */
  stepXen(vcpu: number): void {
    const { regs, xen } = this;
    const { calls } = this.linux.mc[vcpu]!;
    const path = this.xenPath(vcpu);
    if (path === undefined) return this.callIsMade(vcpu, calls, dispatch(xen, vcpu, calls, regs.row[vcpu]!));
    if (regs.xenPc[vcpu] === 0) {
      xen.requests.calls[vcpu] = calls;
      xen.requests.row[vcpu] = regs.row[vcpu]!;
    }
    do {
      const pc = regs.xenPc[vcpu]!;
      const next = advance(path, pc, path.steps[pc]!.run(xen, vcpu));
      if (next < 0) return this.callIsMade(vcpu, calls, xen.requests.rc[vcpu]!);
      regs.xenPc[vcpu] = next;
    } while (this.isSilent(vcpu));
  }

  /** Is the next step of the call one that touches the vCPU's own registers, or its pCPU's TLB, only? */
  private isSilent(vcpu: number): boolean {
    const { requests: r, vcpus } = this.xen;
    if (this.regs.xenPc[vcpu] === FLUSH_LOCAL) return true;
    if (this.regs.xenPc[vcpu] !== 1) return false;
    const ends = r.rc[vcpu] !== 0 || r.i[vcpu]! >= r.count[vcpu]! || vcpus.old_guest_table[vcpu] !== 0;
    if (ends) return true;
    // taking an L4 and loading it are two steps where it matters who has it
    return r.part[vcpu] === 0 ? r.i[vcpu] === 0 : this.xen.exclusive === "off";
  }

  private callIsMade(vcpu: number, calls: CallBuffer, rc: number): void {
    const { regs, xen } = this;
    regs.xenPc[vcpu] = 0;
    if (rc === -ERESTART) return; // continue_multicall(), or the guest calls again
    calls.rc[regs.row[vcpu]!] = rc;
    if (++regs.row[vcpu]! < calls.used[0]!) return;
    exit_to_guest(xen, vcpu);
    regs.inXen[vcpu] = 0;
    regs.row[vcpu] = 0;
    xen_mc_done(this.linux, vcpu);
  }
}
