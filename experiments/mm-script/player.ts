/**
 * Plays a script on a machine: each step becomes what the task does to the kernels, and the kernels do the rest.
 *
 * A step's window opens when its task is in user mode and closes when it is there again, or gone; that the task is
 * woken before and sleeps afterwards is outside, as the marks of the recordings are.
 *
 * Differs: tasks of a `parallel` group run one after the other. Of threads on two vCPUs that a signal kills, those on
 *          the caller's vCPU go first.
 */
import { copy_process } from "../../linux-mm-model/fork.js";
import { NO_MM } from "../../linux-mm-model/mm-struct.js";
import { rcu_gp_end } from "../../linux-mm-model/rcu.js";
import type { Machine } from "../../machine/machine.js";
import { BadInput } from "../../abi/bad-input.js";
import { CAUSE } from "../../abi/ledger.js";
import { do_execve, type Image } from "../../linux-mm-model/exec.js";
import { ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE } from "../../xen-model/hw/control.js";
import type { Vpn } from "../../abi/frames.js";
import { memoryStep } from "./memory-steps.js";
import { playerImage, SHARED_PAGE, SHARED_PAGES, TASK_STACK_PAGE, TEXT_PAGE } from "./player-image.js";
import type { MmScript, MmStep } from "./script.js";
import { lifeStep } from "./life-steps.js";
import { ScriptTasks, type ScriptTask } from "./tasks.js";
import { closeWindow, openWindow, type ModelledWindow } from "./windows.js";

/** What a step counted; `start` where a new task or image made itself ready. */
export interface PlayedStep {
  readonly main: ModelledWindow;
  readonly start?: ModelledWindow;
}

/** Pages of the one file that scripts map: 16 MiB. */
export const SCRIPT_FILE_PAGES = 4096;

export class Player {
  readonly tasks: ScriptTasks;
  readonly image: Image;
  readonly exitImage: Image;
  /** Row of the file that `file` and `fileshared` map. */
  readonly scriptFile: number;
  private nextTid = 100;

  constructor(
    readonly machine: Machine,
    readonly script: MmScript,
    readonly where: string,
  ) {
    const { files, pages } = machine.linux;
    const control = files.open(pages, SHARED_PAGES, true);
    const text = files.open(pages, 8, true);
    const vdso = files.open(pages, 8, true);
    this.scriptFile = files.open(pages, SCRIPT_FILE_PAGES, true);
    this.image = playerImage({ text, control, vdso }, true);
    this.exitImage = playerImage({ text, control, vdso }, false);
    this.tasks = new ScriptTasks(machine);
    for (let vcpu = 0; vcpu < script.vcpus; vcpu++) this.tasks.idle(vcpu);
    for (const { task, vcpu } of script.tasks) this.startProcess(task, vcpu);
    rcu_gp_end(machine.linux);
  }

  /** Play steps first..last, which begin together. */
  play(first: number, last: number): PlayedStep {
    return first === last ? this.step(first) : this.group(first, last);
  }

  private step(index: number): PlayedStep {
    const step = this.script.steps[index]!;
    const task = this.taskOf(step.task, index);
    if (step.op === "switch") this.callIn(this.taskOf(step.peer, index));
    if (!task.spins) this.tasks.resume(task);
    openWindow(this.machine);
    const started = this.run(step, task, index);
    const main = closeWindow(this.machine);
    let start: ModelledWindow | undefined;
    if (started !== undefined) {
      openWindow(this.machine);
      started();
      start = closeWindow(this.machine);
      const mark = this.mark();
      const { cr3_write, iretq } = start;
      start = { ...start, cr3_write: cr3_write + mark.cr3_write, iretq: iretq + mark.iretq };
    }
    this.settle();
    rcu_gp_end(this.machine.linux);
    return start === undefined ? { main } : { main, start };
  }

  /** A group of steps that began together: played in order, counted as one. */
  private group(first: number, last: number): PlayedStep {
    const { machine } = this;
    const members = Array.from({ length: last - first + 1 }, (_, i) => this.script.steps[first + i]!);
    const tasks = members.map((step, i) => this.taskOf(step.task, first + i));
    for (const task of tasks) if (!task.spins) this.tasks.resume(task);
    openWindow(machine);
    members.forEach((step, i) => {
      this.run(step, tasks[i]!, first + i)?.();
      // whoever is done sleeps, within the window
      if (this.tasks.get(step.task) !== undefined && !tasks[i]!.spins) this.tasks.sleep(tasks[i]!);
    });
    const main = closeWindow(machine);
    this.settle();
    rcu_gp_end(machine.linux);
    return { main };
  }

  /** A fresh thread id. */
  tid(): number {
    return this.nextTid++;
  }

  /** clone() by the task on `vcpu`. */
  copy(vcpu: number, flags: number, thread: boolean): number {
    const { linux } = this.machine;
    const tid = this.tid();
    const tgid = thread ? linux.tasks.tgid[linux.percpu.current[vcpu]!]! : tid;
    return copy_process(linux, vcpu, flags, tid, tgid);
  }

  /** What a new process or image does first: run its text, write its stack, read the control area. */
  startUp(vcpu: number): void {
    this.machine.touch(vcpu, TEXT_PAGE as Vpn, ACCESS_FETCH);
    this.machine.touch(vcpu, TASK_STACK_PAGE as Vpn, ACCESS_WRITE);
    for (let page = SHARED_PAGE; page < SHARED_PAGE + SHARED_PAGES; page++)
      this.machine.touch(vcpu, page as Vpn, ACCESS_READ);
  }

  taskOf(name: string, index: number): ScriptTask {
    const task = this.tasks.get(name);
    if (task === undefined) this.bad(index, `there is no task ${name} now`, "name one that lives");
    return task;
  }

  bad(index: number, what: string, remedy: string): never {
    throw new BadInput(this.where, `${this.script.name} step ${index}`, what, remedy);
  }

  /** The peer of a ping-pong is told of it before, and waits for its first turn. */
  private callIn(peer: ScriptTask): void {
    if (peer.spins) return;
    this.tasks.resume(peer);
    this.tasks.sleep(peer);
  }

  private run(step: MmStep, task: ScriptTask, index: number): (() => void) | undefined {
    return memoryStep(this, step, task, index) ? undefined : lifeStep(this, step, task, index);
  }

  /**
   * A mark, which is a system call. The instructions of `start` hold one: half of it of the mark before, and half of
   * the one behind.
   */
  private mark(): ModelledWindow {
    const { linux } = this.machine;
    const task = this.tasks.collectAll().find((t) => linux.percpu.current[t.vcpu] === t.row)!;
    openWindow(this.machine);
    this.tasks.call(task);
    return closeWindow(this.machine);
  }

  /** Whoever runs in user mode and does not spin sleeps. */
  private settle(): void {
    const { percpu, tasks } = this.machine.linux;
    for (const task of this.tasks.collectAll()) {
      if (!task.spins && percpu.current[task.vcpu] === task.row && tasks.mm[task.row] !== NO_MM)
        this.tasks.sleep(task);
    }
  }

  /** A process as the recordings found it: exec'd and ready. */
  private startProcess(name: string, vcpu: number): void {
    const { machine } = this;
    const { linux, ledger } = machine;
    const tid = this.tid();
    const task = this.tasks.add(name, linux.tasks.alloc(tid, tid), vcpu);
    this.tasks.wake(task);
    ledger.hold(vcpu, CAUSE.boot);
    do_execve(linux, vcpu, this.image);
    ledger.release(vcpu);
    machine.return_to_user(vcpu);
    machine.touch(vcpu, (this.image.stackTop - 1) as Vpn, ACCESS_WRITE);
    this.startUp(vcpu);
    this.tasks.sleep(task);
  }
}
