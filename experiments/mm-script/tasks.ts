/**
 * The tasks of a script and the vCPUs they are pinned to: who runs, who sleeps, who spins.
 *
 * Between two steps every task sleeps in a futex, its vCPU idle on the address space that was loaded last, or spins
 * in user mode. Tasks are SCHED_FIFO of one priority: what is woken on a busy vCPU waits until that sleeps.
 */
import { CAUSE } from "../../abi/ledger.js";
import { context_switch, go_idle, idle_task } from "../../linux-mm-model/sched.js";
import { xen_smp_send_reschedule } from "../../linux-mm-model/xen/evtchn.js";
import type { Machine } from "../../machine/machine.js";

/** The CPU of everything else. */
const NOT_MODELLED = 31;

export interface ScriptTask {
  readonly name: string;
  /** Row of the task table. */
  row: number;
  vcpu: number;
  /** Number of the process it is a thread of. */
  readonly tgid: number;
  spins: boolean;
}

export class ScriptTasks {
  private readonly migration: number[] = [];
  private readonly byName = new Map<string, ScriptTask>();

  constructor(private readonly machine: Machine) {}

  add(name: string, row: number, vcpu: number): ScriptTask {
    const task = { name, row, vcpu, tgid: this.machine.linux.tasks.tgid[row]!, spins: false };
    this.byName.set(name, task);
    return task;
  }

  get(name: string): ScriptTask | undefined {
    return this.byName.get(name);
  }

  remove(task: ScriptTask): void {
    this.byName.delete(task.name);
  }

  /** The live tasks of a process, in the order they were made. */
  collectThreads(tgid: number): ScriptTask[] {
    return [...this.byName.values()].filter((task) => task.tgid === tgid);
  }

  collectAll(): ScriptTask[] {
    return [...this.byName.values()];
  }

  /** `task` is woken, gets its vCPU, and is still in the kernel. */
  wake(task: ScriptTask): void {
    this.switch_to(task.vcpu, task.row);
  }

  /** As wake(), by a task that runs on vCPU `from`. */
  wakeRemote(from: number, task: ScriptTask): void {
    xen_smp_send_reschedule(this.machine.linux, from, task.vcpu);
    this.wake(task);
  }

  /** The task on `vcpu` wakes the program that drives the script, which runs on a CPU that is not modelled. */
  wakeController(vcpu: number): void {
    xen_smp_send_reschedule(this.machine.linux, vcpu, NOT_MODELLED);
  }

  /**
   * The task on `vcpu` moves to vCPU `to`: the migration thread runs, tells that vCPU, and leaves `vcpu` idle. What a
   * kernel thread does is not in the recordings' counters, but in the CR3 writes (cause "kthread").
   */
  stopper(vcpu: number, to: number): void {
    const { linux, ledger } = this.machine;
    this.switch_to(vcpu, this.migrationThread(vcpu));
    const hist = linux.hist.copy();
    const before = ledger.enter(vcpu, CAUSE.kthread);
    ledger.hold(vcpu, CAUSE.kthread);
    xen_smp_send_reschedule(linux, vcpu, to);
    go_idle(linux, vcpu);
    ledger.release(vcpu);
    ledger.enter(vcpu, before);
    linux.hist.restore(hist);
  }

  /** Row of migration/`vcpu`, which is made when it is first needed. */
  private migrationThread(vcpu: number): number {
    let row = this.migration[vcpu];
    if (row === undefined) {
      row = this.machine.linux.tasks.alloc(-1 - vcpu, -1 - vcpu);
      this.migration[vcpu] = row;
    }
    return row;
  }

  /** As wake(), and the system call that it slept in returns. */
  resume(task: ScriptTask): void {
    this.wake(task);
    this.machine.return_to_user(task.vcpu);
  }

  /** `task` makes the system call in which it sleeps; its vCPU goes to `next`, or idles. */
  sleep(task: ScriptTask, next?: ScriptTask): void {
    this.machine.syscall(task.vcpu);
    this.yield_to(task.vcpu, next);
  }

  /** The task on `vcpu`, in the kernel, gives it to `next`, or to idle. */
  yield_to(vcpu: number, next?: ScriptTask): void {
    if (next !== undefined) this.switch_to(vcpu, next.row);
    else this.idle(vcpu);
  }

  /** A system call that changes no mapping. */
  call(task: ScriptTask): void {
    this.machine.syscall(task.vcpu);
    this.machine.return_to_user(task.vcpu);
  }

  idle(vcpu: number): void {
    const { linux, ledger } = this.machine;
    const before = ledger.enter(vcpu, CAUSE.idle);
    go_idle(linux, vcpu);
    ledger.enter(vcpu, before);
  }

  private switch_to(vcpu: number, row: number): void {
    const { machine } = this;
    const { linux, ledger } = machine;
    if (linux.percpu.current[vcpu] === row) return;
    const before = ledger.enter(vcpu, CAUSE.switch);
    if (linux.percpu.current[vcpu] === idle_task(vcpu)) machine.enter_scheduler(vcpu);
    else machine.enter_kernel(vcpu);
    context_switch(linux, vcpu, row);
    ledger.enter(vcpu, before);
  }
}
