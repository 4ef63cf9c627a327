/**
 * The twins as a model that the checker can run: threads of a few processes on a few vCPUs, which touch, map and unmap
 * top-level slots, are switched, and idle, while each vCPU's kernel, and Xen beneath it, goes on step by step.
 *
 * The caches of a vCPU keep all they may: a translation is cached as soon as the loaded tables have it, and goes with a flush
 * only. An access uses what is cached or walks anew, as it may have been dropped.
 */
import type { Path } from "../../abi/path.js";
import type { Proposal } from "../../abi/proposal.js";
import type { Action, Model, Property } from "../../checker/model.js";
import { whoCanAct } from "../../checker/run-path.js";
import { idle_task } from "../../linux-mm-model/sched.js";
import { PerVcpu } from "../../linux-mm-model/top-level/per-vcpu.js";
import { AnyGuestModel } from "./any-guest-model.js";
import { Beginnings } from "./beginnings.js";
import { Caches } from "./caches.js";
import { Codec } from "./codec.js";
import { describeState } from "./describe.js";
import { LifeBeginnings } from "./life-beginnings.js";
import { tidy } from "./life-cells.js";
import { callFunctionPath, execPath, exitPath, forkPath } from "./life-paths.js";
import { LocalSteps } from "./local-steps.js";
import { mutantOf, type Mutant } from "./mutants.js";
import { faultPath, MAY_WAIT, munmapPath, PARTS, switchPath, unuseMmPath, useMmPath } from "./paths.js";
import { properties } from "./properties.js";
import { waitingProperties } from "./waiting.js";
import { PvState } from "./pv-state.js";
import { deadPath, downPath, PlugBeginnings, upPath } from "./plug-paths.js";
import { PATH_CALL, PATH_EXEC, PATH_NONE, PATH_SWITCH, PATH_UNUSE_MM, SEEN_refused } from "./registers.js";
import { type Bounds, firstKthread, firstThread, roomOf } from "./bounds.js";
import { buildScene } from "./scene.js";
import { MOD_L4_ENTRY, StepRunner, XEN_STEPS } from "./step-runner.js";

/** What a model is made from; can be cloned, so that each worker makes its own. */
export interface PvModelOptions {
  readonly proposal: Proposal;
  readonly bounds: Bounds;
  readonly mutant?: string;
  /** Linux (default), or a guest that does what it likes: what holds then is Xen's doing. */
  readonly guest?: "linux" | "any";
  /** Properties to look at: what must always or sometimes be so, what must happen in the end, or all. */
  readonly kinds?: "safety" | "progress";
  /** Name of the one property to look at. */
  readonly only?: string;
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

const CALL = "interrupt: smp_call_function";

class TwinModel implements PvModel {
  readonly name: string;
  readonly stateBytes: number;
  readonly processes: readonly string[];
  readonly actions: readonly Action[];
  readonly properties: readonly Property[];
  readonly state: PvState;
  readonly symmetries: number;
  readonly insistent: readonly number[];
  private readonly codec: Codec;
  /** With forks or hotplugs it offers none: an L4 that one vCPU alone can come to may be another's later. */
  readonly local?: (process: number) => boolean;
  private readonly first: Uint8Array;
  private readonly paths: readonly (Path<PvState> | undefined)[];
  private readonly runs: Run[] = [];
  /** By vCPU: actions that it can take between two paths, by Xen's step, and by Linux's. */
  private readonly candidatesOf: {
    readonly resting: readonly number[];
    readonly inXen: readonly (readonly number[])[];
    readonly inPath: readonly (readonly (readonly number[])[])[];
  }[] = [];
  private readonly runner: StepRunner;
  private readonly caches: Caches;
  private readonly bounds: Bounds;
  /** A fault can be that only a replica lacks the slot. */
  private readonly syncs: boolean;
  private readonly irqsOn: boolean;
  private readonly comesAndGoes: boolean;
  private readonly forks: boolean;
  private readonly plugs: boolean;

  constructor(options: PvModelOptions, mutant: Mutant) {
    const proposal = mutant.proposal?.(options.proposal) ?? options.proposal;
    const bounds = roomOf(options.bounds, proposal.linux.top === "per-mm-vcpu");
    this.name = options.mutant === undefined ? proposal.name : `${proposal.name}, mutant ${options.mutant}`;
    this.bounds = bounds;
    this.comesAndGoes = bounds.comeAndGo === true;
    this.forks = (bounds.forks ?? 0) > 0;
    this.plugs = (bounds.hotplugs ?? 0) > 0;
    this.syncs = proposal.linux.sync === "fault";
    this.irqsOn = mutant.irqsOn === true;
    const scene = buildScene(proposal, bounds, mutant.rules, mutant.beforeBoot, "observe", mutant.idle);
    mutant.machine?.(scene.machine);
    this.state = new PvState(scene);
    const parts = { ...PARTS, ...mutant.parts };
    this.paths = [
      undefined,
      faultPath(parts),
      munmapPath(parts),
      switchPath(parts),
      useMmPath(parts),
      unuseMmPath(),
      forkPath(parts),
      exitPath(parts),
      execPath(parts),
      callFunctionPath(parts),
      downPath(parts),
      deadPath(parts),
      upPath(parts),
    ];
    this.runner = new StepRunner(this.state, this.paths);
    this.caches = new Caches(this.state);
    const { regs } = this.state;
    regs.opsLeft.fill(bounds.ops, firstThread(bounds));
    regs.forksLeft[0] = bounds.forks ?? 0;
    regs.downsLeft[0] = bounds.hotplugs ?? 0;
    for (let mm = 1; mm <= bounds.mms; mm++) regs.mapped[mm] = (1 << bounds.slots) - 1;
    this.processes = Array.from({ length: bounds.vcpus }, (_, vcpu) => `CPU${vcpu}`);
    this.actions = this.makeActions();
    this.insistent = this.actions.flatMap(({ name }, i) => (name === CALL ? [i] : []));
    this.codec = new Codec(scene, regs, this.state.l4Pool, true);
    this.symmetries = this.codec.symmetries;
    if (!this.forks && !this.plugs) {
      const localSteps = new LocalSteps(this.state);
      this.local = (process) => localSteps.isLocal(process);
    }
    this.stateBytes = this.codec.stateBytes;
    this.first = new Uint8Array(this.stateBytes);
    if (this.comesAndGoes) tidy(scene, regs);
    this.caches.fill();
    this.codec.store(this.first, 0);
    const { kinds, only, without = [] } = options;
    const waiting = waitingProperties(this.state, (among) => whoCanAct(this, among));
    this.properties = [...properties(this.state, proposal, bounds), ...waiting].filter(
      ({ name, kind }) =>
        !without.includes(name) &&
        (only === undefined || only === name) &&
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

  reload(process: number): void {
    this.codec.reload(process);
  }

  storeAs(symmetry: number, to: Uint8Array, at: number): void {
    this.codec.storeAs(symmetry, to, at);
  }

  storeStanding(to: Uint8Array, at: number): void {
    this.codec.storeLeast(to, at);
  }

  candidates(process: number): readonly number[] {
    const { path, pc, inXen } = this.state.regs;
    const lists = this.candidatesOf[process]!;
    if (inXen[process] !== 0) return lists.inXen[this.runner.xenStepOf(process)]!;
    return path[process] === PATH_NONE ? lists.resting : lists.inPath[path[process]!]![pc[process]!]!;
  }

  run(action: number): boolean {
    this.caches.beforeAction();
    if (!this.runs[action]!(this.actions[action]!.process)) return false;
    if (this.comesAndGoes) tidy(this.state.scene, this.state.regs);
    this.caches.afterAction();
    const { total } = this.state.xen.refusals;
    if (total[0] !== 0) this.state.regs.seen[0]! |= SEEN_refused;
    total[0] = 0;
    return true;
  }

  describe(): ReadonlyMap<string, string> {
    return describeState(this.state, this.paths);
  }

  private makeActions(): Action[] {
    const { vcpus, threads, mms, slots, kthreads = 0 } = this.bounds;
    const begin = new Beginnings(this.state, this.runner, this.bounds);
    const life = new LifeBeginnings(this.state, this.runner);
    const plug = new PlugBeginnings(this.state, this.runner, life);
    const actions: Action[] = [];
    for (let process = 0; process < vcpus; process++) {
      const resting: number[] = [];
      const interrupts: number[] = [];
      const inXen: number[][] = XEN_STEPS.map(() => []);
      const inPath: number[][][] = this.paths.map((path) => path?.steps.map(() => []) ?? []);
      const add = (name: string, run: Run, ...lists: readonly number[][]): void => {
        for (const list of lists) list.push(actions.length);
        actions.push({ name, process });
        this.runs.push(run);
      };
      for (let slot = 0; slot < slots; slot++) {
        const rest = (name: string, run: Run): void => add(name, run, resting);
        rest(`user access to slot ${slot}`, (vcpu) => begin.access(vcpu, slot, false));
        rest(`user access to slot ${slot}, cached`, (vcpu) => begin.access(vcpu, slot, true));
        if (this.syncs)
          rest(`copy_from_user_nofault() in lazy MMU mode, slot ${slot}`, (vcpu) =>
            begin.nofault(vcpu, slot),
          );
        if (this.irqsOn)
          add(`interrupt that reads slot ${slot}`, (vcpu) => begin.interrupted(vcpu, slot), interrupts);
        rest(`mmap in slot ${slot}`, (vcpu) => begin.mmap(vcpu, slot));
        rest(`munmap of slot ${slot}`, (vcpu) => begin.munmap(vcpu, slot));
      }
      for (let thread = 0; thread < threads; thread++) {
        const task = firstThread(this.bounds) + thread;
        add(`schedule to thread ${thread}`, (vcpu) => begin.schedule(vcpu, task), resting);
      }
      for (let n = 0; n < kthreads; n++) {
        const task = firstKthread(this.bounds) + n;
        add(`schedule to kernel thread ${n}`, (vcpu) => begin.schedule(vcpu, task), resting);
      }
      for (let mm = 1; mm <= mms && kthreads > 0; mm++)
        add(`kthread_use_mm(mm ${mm})`, (vcpu) => begin.useMm(vcpu, mm), resting);
      if (kthreads > 0) add("kthread_unuse_mm", (vcpu) => begin.unuseMm(vcpu), resting);
      if (this.forks) {
        add("fork", (vcpu) => life.fork(vcpu), resting);
        add("exec", (vcpu) => life.exec(vcpu), resting);
        add("exit", (vcpu) => life.exit(vcpu), resting);
      }
      if (this.comesAndGoes) add(CALL, (vcpu) => life.call(vcpu), resting);
      if (this.plugs && process > 0) add("the CPU goes down", (vcpu) => plug.down(vcpu), resting);
      for (let other = 1; other < vcpus && this.plugs; other++) {
        if (other === process) continue;
        if (this.comesAndGoes) add(`CPU${other} is dead`, (vcpu) => plug.dead(vcpu, other), resting);
        add(`cpu_up(CPU${other})`, (vcpu) => plug.up(vcpu, other), resting);
      }
      add("schedule to idle", (vcpu) => begin.schedule(vcpu, idle_task(vcpu)), resting);
      this.paths.forEach((path, number) => {
        path?.steps.forEach(({ name }, pc) => {
          if (!this.hasPath(number)) return;
          if (this.runner.fused[number]![pc] !== true || MAY_WAIT.has(name))
            add(
              `${path.name}: ${name}`,
              (vcpu) => this.runner.linuxStep(vcpu, number, pc),
              inPath[number]![pc]!,
            );
        });
      });
      XEN_STEPS.forEach((name, n) => add(name, (vcpu) => this.runner.xenStep(vcpu, n, 0), inXen[n]!));
      for (let pair = 1; pair < this.mostPairs(); pair++) {
        const name = `${XEN_STEPS[MOD_L4_ENTRY]}, of pair ${pair + 1} that waits`;
        add(name, (vcpu) => this.runner.xenStep(vcpu, MOD_L4_ENTRY, pair), inXen[MOD_L4_ENTRY]!);
      }
      const withInterrupts = (list: number[]): number[] => [...interrupts, ...list];
      this.candidatesOf.push({
        resting,
        inXen: inXen.map(withInterrupts),
        inPath: inPath.map((steps) => steps.map(withInterrupts)),
      });
    }
    return actions;
  }

  /** Can a vCPU be in path `number`? */
  private hasPath(number: number): boolean {
    if (number <= PATH_SWITCH) return true;
    if (number <= PATH_UNUSE_MM) return (this.bounds.kthreads ?? 0) > 0;
    if (number <= PATH_EXEC) return this.forks;
    return number === PATH_CALL ? this.comesAndGoes : this.plugs;
  }

  /** Pairs of L4s that may wait for an update at once. */
  private mostPairs(): number {
    const { vcpus, threads, mms, slots } = this.bounds;
    const { top } = this.state.linux;
    if (top.loadsReference) return 1;
    return top instanceof PerVcpu ? Math.max(vcpus, slots) : Math.max(vcpus, threads - mms + 1);
  }
}
