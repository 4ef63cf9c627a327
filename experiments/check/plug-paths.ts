/**
 * A vCPU that goes down and comes up: what begins there, and the paths, of the twins' own steps.
 *
 * Differs: a vCPU goes down when it idles, by itself: nobody waits for it. Then any CPU whose thread is in user mode drops what the
 *          design has of it, and after that one brings it up: one after the other, as cpu_add_remove_lock has it.
 */
import { NEXT, path, type Path, step } from "../../abi/path.js";
import { cpu_dead_path, cpu_up_path, play_dead_path } from "../../linux-mm-model/cpu-hotplug.js";
import { return_to_user, idle_task } from "../../linux-mm-model/sched.js";
import { PerMmVcpu } from "../../linux-mm-model/top-level/per-mm-vcpu.js";
import { clearSwitch } from "./beginnings.js";
import type { LifeBeginnings } from "./life-beginnings.js";
import { embed, type Parts } from "./paths.js";
import type { PvState } from "./pv-state.js";
import {
  PATH_DEAD,
  PATH_DOWN,
  PATH_NONE,
  PATH_UP,
  PLUG_busy,
  PLUG_dead,
  PLUG_down,
  PLUG_up,
} from "./registers.js";
import type { StepRunner } from "./step-runner.js";

export class PlugBeginnings {
  constructor(
    private readonly state: PvState,
    private readonly runner: StepRunner,
    private readonly life: LifeBeginnings,
  ) {}

  /** `vcpu`, which idles, goes down. */
  down(vcpu: number): boolean {
    const { regs, linux, xen } = this.state;
    const rests = regs.path[vcpu] === PATH_NONE && regs.inXen[vcpu] === 0;
    if (!rests || vcpu === 0 || regs.downsLeft[0] === 0 || regs.plug[vcpu] !== PLUG_up) return false;
    if (linux.percpu.current[vcpu] !== idle_task(vcpu)) return false;
    regs.downsLeft[0]!--;
    xen.interrupt(vcpu);
    clearSwitch(linux, vcpu);
    linux.gather.mm[vcpu] = linux.gather.cleared[vcpu] = 0;
    return this.runner.begin(vcpu, PATH_DOWN);
  }

  /** What a design has of `other`, which is down, is dropped. */
  dead(vcpu: number, other: number): boolean {
    return this.deal(vcpu, other, PLUG_down, PATH_DEAD);
  }

  up(vcpu: number, other: number): boolean {
    return this.deal(vcpu, other, PLUG_dead, PATH_UP);
  }

  private deal(vcpu: number, other: number, plug: number, path: number): boolean {
    const { regs, linux } = this.state;
    if (regs.plug[other] !== plug || !this.life.runsThread(vcpu)) return false;
    regs.plug[other] = PLUG_busy;
    linux.life.cpu[vcpu] = other;
    return this.life.systemCall(vcpu, path);
  }
}

export function downPath({ play_dead }: Parts): Path<PvState> {
  return path(play_dead_path.name, [
    ...embed(play_dead, 0, play_dead.length),
    step("return", ({ regs, linux }, vcpu) => {
      regs.plug[vcpu] = linux.top instanceof PerMmVcpu ? PLUG_down : PLUG_dead;
      return NEXT;
    }),
  ]);
}

export function deadPath({ cpu_dead }: Parts): Path<PvState> {
  return path(cpu_dead_path.name, [...embed(cpu_dead, 0, cpu_dead.length), isDealtWith(PLUG_dead)]);
}

export function upPath({ cpu_up }: Parts): Path<PvState> {
  return path(cpu_up_path.name, [...embed(cpu_up, 0, cpu_up.length), isDealtWith(PLUG_up)]);
}

const isDealtWith = (plug: number) =>
  step("return to user", ({ regs, linux }: PvState, vcpu: number) => {
    regs.plug[linux.life.cpu[vcpu]!] = plug;
    linux.life.cpu[vcpu] = 0;
    return_to_user(linux, vcpu);
    return NEXT;
  });
