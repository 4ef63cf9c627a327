/**
 * The twins as a model that the checker can run: threads of a few processes on a few vCPUs, which touch, map and unmap
 * top-level slots, are switched, and idle, while each vCPU's kernel, and Xen beneath it, goes on step by step.
 *
 * The caches of a vCPU keep all they may: a translation is cached as soon as the loaded tables have it, and goes with a flush
 * only. An access uses what is cached or walks anew, as it may have been dropped.
 */
import { PFEC_user_mode, PFEC_write_access, _PAGE_PRESENT } from "../../abi/page.js";
import { AGAIN, BLOCKED, DONE, NEXT, type Path } from "../../abi/path.js";
import type { Vpn } from "../../abi/frames.js";
import type { Proposal } from "../../abi/proposal.js";
import type { Action, Model, Property } from "../../checker/model.js";
import { NO_MM } from "../../linux-mm-model/mm-struct.js";
import { P4D_PAGES } from "../../linux-mm-model/pgtable.js";
import { idle_task } from "../../linux-mm-model/sched.js";
import { AnyGuestModel } from "./any-guest-model.js";
import { Codec } from "./codec.js";
import { describeState } from "./describe.js";
import { mutantOf, type Mutant } from "./mutants.js";
import { faultPath, isFused, munmapPath, PARTS, switchPath } from "./paths.js";
import { properties } from "./properties.js";
import { PvState } from "./pv-state.js";
import { PATH_FAULT, PATH_MUNMAP, PATH_NONE, PATH_SWITCH, SEEN_foreign } from "./registers.js";
import { type Bounds, buildScene, firstThread } from "./scene.js";

/** What a model is made from; can be cloned, so that each worker makes its own. */
export interface PvModelOptions {
  readonly proposal: Proposal;
  readonly bounds: Bounds;
  readonly mutant?: string;
  /** Linux (default), or a guest that does what it likes: what holds then is Xen's doing. */
  readonly guest?: "linux" | "any";
  /** Properties to look at: what must always or sometimes be so, what must happen in the end, or all. */
  readonly kinds?: "safety" | "progress";
  /** Names of properties that are left out. */
  readonly without?: readonly string[];
}

export interface PvModel extends Model {
  readonly state: PvState;
}

/** For ModelSource.make. */
export function makePvModel(options: PvModelOptions): PvModel {
  const mutant = mutantOf(options.mutant);
  return options.guest === "any" ? new AnyGuestModel(options, mutant) : new TwinModel(options, mutant);
}

type Run = (vcpu: number) => boolean;

class TwinModel implements PvModel {
  readonly name: string;
  readonly stateBytes: number;
  readonly processes: readonly string[];
  readonly actions: readonly Action[];
  readonly properties: readonly Property[];
  readonly state: PvState;
  private readonly codec: Codec;
  private readonly first: Uint8Array;
  private readonly paths: readonly (Path<PvState> | undefined)[];
  private readonly runs: Run[] = [];
  /** By path and step: it belongs to the action before. */
  private readonly fused: readonly (readonly boolean[])[];
  private readonly flushed: Uint32Array;
  private readonly bounds: Bounds;
  /** A fault can be that only a replica lacks the slot. */
  private readonly syncs: boolean;
  private readonly irqsOn: boolean;

  constructor(options: PvModelOptions, mutant: Mutant) {
    const { bounds } = options;
    const proposal = mutant.proposal?.(options.proposal) ?? options.proposal;
    this.name = options.mutant === undefined ? proposal.name : `${proposal.name}, mutant ${options.mutant}`;
    this.bounds = bounds;
    this.syncs = proposal.linux.sync === "fault";
    this.irqsOn = mutant.irqsOn === true;
    const scene = buildScene(proposal, bounds, mutant.rules, mutant.beforeBoot, "observe", mutant.idle);
    mutant.machine?.(scene.machine);
    this.state = new PvState(scene);
    const parts = { ...PARTS, ...mutant.parts };
    this.paths = [undefined, faultPath(parts), munmapPath(parts), switchPath(parts)];
    this.fused = this.paths.map(
      (path) => path?.steps.map(({ name }) => isFused(name, this.state.linux)) ?? [],
    );
    this.flushed = new Uint32Array(bounds.vcpus);
    const { regs } = this.state;
    for (let n = 0; n < bounds.threads; n++) regs.opsLeft[firstThread(bounds) + n] = bounds.ops;
    for (let mm = 1; mm <= bounds.mms; mm++) regs.mapped[mm] = (1 << bounds.slots) - 1;
    this.processes = Array.from({ length: bounds.vcpus }, (_, vcpu) => `CPU${vcpu}`);
    this.actions = this.makeActions();
    this.codec = new Codec(scene, regs);
    this.stateBytes = this.codec.stateBytes;
    this.first = new Uint8Array(this.stateBytes);
    this.fillCaches();
    this.codec.store(this.first, 0);
    const { kinds, without = [] } = options;
    this.properties = properties(this.state, proposal, bounds).filter(
      ({ name, kind }) =>
        !without.includes(name) &&
        (kinds === undefined || (kinds === "progress") === (kind === "eventually")),
    );
  }

  initial(): void {
    this.load(this.first, 0);
  }

  load(from: Uint8Array, at: number): void {
    this.codec.load(from, at);
  }

  store(to: Uint8Array, at: number): void {
    this.codec.store(to, at);
  }

  run(action: number): boolean {
    const { tlbflush_time } = this.state.xen.pcpus;
    const { flushed } = this;
    const { vcpus } = this.bounds;
    for (let vcpu = 0; vcpu < vcpus; vcpu++) flushed[vcpu] = tlbflush_time[vcpu]!;
    if (!this.runs[action]!(this.actions[action]!.process)) return false;
    for (let vcpu = 0; vcpu < vcpus; vcpu++) if (flushed[vcpu] !== tlbflush_time[vcpu]) this.dropCaches(vcpu);
    this.fillCaches();
    return true;
  }

  describe(): ReadonlyMap<string, string> {
    return describeState(this.state, this.paths);
  }

  private makeActions(): Action[] {
    const { vcpus, threads, slots } = this.bounds;
    const actions: Action[] = [];
    for (let process = 0; process < vcpus; process++) {
      const add = (name: string, run: Run): void => {
        actions.push({ name, process });
        this.runs.push(run);
      };
      for (let slot = 0; slot < slots; slot++) {
        add(`user access to slot ${slot}`, (vcpu) => this.access(vcpu, slot, false));
        add(`user access to slot ${slot}, cached`, (vcpu) => this.access(vcpu, slot, true));
        if (this.syncs)
          add(`copy_from_user_nofault() in lazy MMU mode, slot ${slot}`, (vcpu) => this.nofault(vcpu, slot));
        if (this.irqsOn) add(`interrupt that reads slot ${slot}`, (vcpu) => this.interrupted(vcpu, slot));
        add(`mmap in slot ${slot}`, (vcpu) => this.mmap(vcpu, slot));
        add(`munmap of slot ${slot}`, (vcpu) => this.munmap(vcpu, slot));
      }
      for (let thread = 0; thread < threads; thread++)
        add(`schedule to thread ${thread}`, (vcpu) => this.schedule(vcpu, firstThread(this.bounds) + thread));
      add("schedule to idle", (vcpu) => this.schedule(vcpu, idle_task(vcpu)));
      this.paths.forEach((path, number) => {
        path?.steps.forEach(({ name }, pc) => {
          if (this.fused[number]![pc] !== true || name === "sync_fault")
            add(`${path.name}: ${name}`, (vcpu) => this.linuxStep(vcpu, number, pc));
        });
      });
      XEN_STEPS.forEach((name, n) => add(name, (vcpu) => this.xenStep(vcpu, n)));
    }
    return actions;
  }

  /** The vCPU is between two paths. */
  private rests(vcpu: number): boolean {
    const { path, inXen } = this.state.regs;
    return path[vcpu] === PATH_NONE && inXen[vcpu] === 0;
  }

  /** A thread that runs on the vCPU, in user mode, and has an operation left; -1 for none. */
  private worker(vcpu: number): number {
    if (!this.rests(vcpu)) return -1;
    const { linux, regs } = this.state;
    const task = linux.percpu.current[vcpu]!;
    return linux.tasks.mm[task] !== NO_MM && regs.opsLeft[task] !== 0 ? task : -1;
  }

  private access(vcpu: number, slot: number, cached: boolean): boolean {
    const task = this.worker(vcpu);
    if (task < 0) return false;
    const { regs, linux, xen, slots } = this.state;
    const pending = regs.access[vcpu]! - 1;
    if (pending >= 0 && pending !== slot) return false;
    const mm = linux.tasks.mm[task]!;
    if (pending < 0 && (regs.mapped[mm]! & (1 << slot)) === 0) return false;
    const inCache = regs.tlb[vcpu * slots + slot]!;
    const root = xen.pcpus.guest_cr3[vcpu]!;
    const inTable =
      (linux.memory.flags(root, slot) & _PAGE_PRESENT) === 0 ? 0 : linux.memory.frame(root, slot);
    const l3 = cached ? inCache : inTable;
    if (cached && (inCache === 0 || inCache === inTable)) return false;
    if (l3 !== 0) {
      if (!this.isOwnL3(mm, slot, l3)) regs.seen[0]! |= SEEN_foreign;
      regs.access[vcpu] = 0;
      regs.opsLeft[task]!--;
      return true;
    }
    regs.access[vcpu] = slot + 1;
    linux.percpu.in_user[vcpu] = 0;
    return this.fault(vcpu, slot, PFEC_user_mode | PFEC_write_access);
  }

  private fault(vcpu: number, slot: number, error: number): boolean {
    const { linux, xen } = this.state;
    xen.page_fault(vcpu, (slot * P4D_PAGES) as Vpn, error);
    linux.fault.page[vcpu] = slot * P4D_PAGES;
    linux.fault.error[vcpu] = error;
    linux.fault.result[vcpu] = 0;
    linux.pud.mm[vcpu] = 0;
    linux.pud.page[vcpu] = 0;
    linux.pud.table[vcpu] = 0;
    return this.begin(vcpu, PATH_FAULT);
  }

  /** A read of user memory by the kernel, in lazy MMU mode, which no fault may sleep in: perf's callchains. */
  private nofault(vcpu: number, slot: number): boolean {
    const task = this.worker(vcpu);
    const { regs, linux, xen } = this.state;
    if (task < 0 || regs.access[vcpu] !== 0) return false;
    const root = xen.vcpus.guest_table[vcpu]!;
    if ((linux.memory.flags(root, slot) & _PAGE_PRESENT) !== 0) return false;
    regs.opsLeft[task]!--;
    linux.percpu.in_user[vcpu] = 0;
    xen.syscall(vcpu);
    linux.pv.arch_enter_lazy_mmu_mode(vcpu);
    return this.fault(vcpu, slot, PFEC_write_access);
  }

  /** A read of user memory by an interrupt handler that does not ask nmi_uaccess_okay(), in a switch. */
  private interrupted(vcpu: number, slot: number): boolean {
    const { regs, linux, xen } = this.state;
    if (regs.path[vcpu] !== PATH_SWITCH || (regs.inXen[vcpu] !== 0 && regs.xenPc[vcpu] !== 0)) return false;
    const mm = this.state.mmOf(vcpu);
    const root = xen.pcpus.guest_cr3[vcpu]!;
    if (mm === NO_MM || (linux.memory.flags(root, slot) & _PAGE_PRESENT) === 0) return false;
    if (this.isOwnL3(mm, slot, linux.memory.frame(root, slot))) return false;
    regs.seen[0]! |= SEEN_foreign;
    return true;
  }

  /** Is `l3` the mm's table of the slot, or was it until now: nobody has it, and it is not free? */
  private isOwnL3(mm: number, slot: number, l3: number): boolean {
    const { linux } = this.state;
    if (linux.pages.refcount[l3] === 0) return false;
    for (let other = 1; other <= this.bounds.mms; other++) {
      for (let s = 0; s < this.bounds.slots; s++) {
        if (linux.memory.frame(linux.mms.pgd[other]!, s) === l3) return other === mm && s === slot;
      }
    }
    return true;
  }

  private mmap(vcpu: number, slot: number): boolean {
    const task = this.worker(vcpu);
    if (task < 0) return false;
    const { regs, linux } = this.state;
    const mm = linux.tasks.mm[task]!;
    if (regs.access[vcpu] !== 0 || (regs.mapped[mm]! & (1 << slot)) !== 0 || this.state.isRead(mm))
      return false;
    regs.mapped[mm]! |= 1 << slot;
    regs.opsLeft[task]!--;
    return true;
  }

  private munmap(vcpu: number, slot: number): boolean {
    const task = this.worker(vcpu);
    if (task < 0) return false;
    const { regs, linux, xen } = this.state;
    const mm = linux.tasks.mm[task]!;
    if (regs.access[vcpu] !== 0 || (regs.mapped[mm]! & (1 << slot)) === 0) return false;
    regs.opsLeft[task]!--;
    linux.percpu.in_user[vcpu] = 0;
    xen.syscall(vcpu);
    linux.pud.mm[vcpu] = mm;
    linux.pud.page[vcpu] = slot * P4D_PAGES;
    linux.pud.table[vcpu] = 0;
    linux.gather.mm[vcpu] = mm;
    linux.gather.cleared[vcpu] = 0;
    return this.begin(vcpu, PATH_MUNMAP);
  }

  private schedule(vcpu: number, task: number): boolean {
    const { regs, linux, xen } = this.state;
    if (!this.rests(vcpu) || regs.access[vcpu] !== 0 || linux.percpu.current[vcpu] === task) return false;
    if (linux.tasks.on_cpu[task]! >= 0) {
      if (task >= firstThread(this.bounds)) return false;
    } else {
      for (let other = 0; other < this.bounds.vcpus; other++)
        if (regs.path[other] === PATH_SWITCH && linux.regs.next_task[other] === task) return false;
    }
    linux.percpu.in_user[vcpu] = 0;
    xen.interrupt(vcpu);
    linux.regs.next_task[vcpu] = task;
    linux.regs.next_mm[vcpu] = NO_MM;
    linux.regs.real_prev[vcpu] = NO_MM;
    linux.regs.prev_mm[vcpu] = NO_MM;
    linux.regs.prev_task[vcpu] = linux.percpu.current[vcpu]!;
    linux.regs.pgd[vcpu] = 0;
    linux.regs.load_mm[vcpu] = 0;
    return this.begin(vcpu, PATH_SWITCH);
  }

  /** Begin a path with its first step that others can see. */
  private begin(vcpu: number, path: number): boolean {
    this.state.regs.path[vcpu] = path;
    this.state.regs.pc[vcpu] = 0;
    this.runFused(vcpu);
    return true;
  }

  private linuxStep(vcpu: number, path: number, pc: number): boolean {
    const { regs } = this.state;
    if (regs.path[vcpu] !== path || regs.pc[vcpu] !== pc || regs.inXen[vcpu] !== 0) return false;
    if (!this.step(vcpu)) return false;
    this.runFused(vcpu);
    return true;
  }

  /** One step of the path that the vCPU is in; false: it is blocked, and nothing has changed. */
  private step(vcpu: number): boolean {
    const { regs } = this.state;
    const pc = regs.pc[vcpu]!;
    const { steps } = this.paths[regs.path[vcpu]!]!;
    const answer = steps[pc]!.run(this.state, vcpu);
    if (answer === BLOCKED) return false;
    if (answer === AGAIN) return true;
    const next = answer === NEXT ? pc + 1 : answer === DONE ? steps.length : answer;
    if (next < steps.length) regs.pc[vcpu] = next;
    else {
      regs.path[vcpu] = PATH_NONE;
      regs.pc[vcpu] = 0;
    }
    return true;
  }

  /** What follows a step and belongs to its action. */
  private runFused(vcpu: number): void {
    const { state } = this;
    const { regs } = state;
    for (;;) {
      if (regs.inXen[vcpu] !== 0) {
        if (state.xenPath(vcpu) !== undefined) return;
        state.stepXen(vcpu); // update_va_mapping: of a frame that nobody else has
        continue;
      }
      const path = regs.path[vcpu]!;
      if (path === PATH_NONE || this.fused[path]![regs.pc[vcpu]!] !== true || !this.step(vcpu)) return;
    }
  }

  private xenStep(vcpu: number, step: number): boolean {
    const { regs } = this.state;
    if (regs.inXen[vcpu] === 0 || this.xenStepOf(vcpu) !== step) return false;
    this.state.stepXen(vcpu);
    if (regs.inXen[vcpu] === 0) this.runFused(vcpu);
    return true;
  }

  /** Index in XEN_STEPS of what comes next. */
  private xenStepOf(vcpu: number): number {
    const { state } = this;
    const path = state.xenPath(vcpu);
    if (path === undefined) return 0;
    const pc = Math.max(1, state.regs.xenPc[vcpu]!);
    if (path.name === "do_mmu_update") return pc;
    return state.xen.requests.part[vcpu] !== 0 && state.regs.xenPc[vcpu] !== 0 ? 5 : 4;
  }

  private dropCaches(vcpu: number): void {
    const { slots } = this.bounds;
    this.state.regs.tlb.fill(0, vcpu * slots, (vcpu + 1) * slots);
  }

  private fillCaches(): void {
    const { regs, xen, linux } = this.state;
    const { vcpus, slots } = this.bounds;
    for (let vcpu = 0; vcpu < vcpus; vcpu++) {
      const inXen = regs.inXen[vcpu] !== 0 || xen.vcpus.blocked[vcpu] !== 0;
      const root = inXen ? xen.pcpus.xen_cr3[vcpu]! : xen.pcpus.guest_cr3[vcpu]!;
      for (let slot = 0; slot < slots; slot++) {
        const i = vcpu * slots + slot;
        if (regs.tlb[i] === 0 && (linux.memory.flags(root, slot) & _PAGE_PRESENT) !== 0)
          regs.tlb[i] = linux.memory.frame(root, slot);
      }
    }
  }
}

/** Steps of Xen's, as a counterexample names them: do_mmu_update_path's and do_mmuext_op_path's. */
const XEN_STEPS = [
  "update_va_mapping",
  "do_mmu_update: mod_l4_entry",
  "do_mmu_update: flush_area_local",
  "do_mmu_update: flush_area_mask",
  "do_mmuext_op: get the L4, or flush",
  "do_mmuext_op: write_ptbase",
];
