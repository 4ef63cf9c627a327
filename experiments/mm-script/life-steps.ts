/**
 * Steps in which tasks begin, end, change programs, or take turns.
 *
 * Mirrors: what the recorded program did: raw clone(), execve(), exit(), futex() and sched_setaffinity().
 */
import type { Vpn } from "../../abi/frames.js";
import { do_execve } from "../../linux-mm-model/exec.js";
import { do_exit } from "../../linux-mm-model/exit.js";
import { CLONE_FILES, CLONE_THREAD, CLONE_VFORK, CLONE_VM } from "../../linux-mm-model/fork.js";
import * as sys from "../../linux-mm-model/syscalls.js";
import { NO_FILE, VM_READ, VM_WRITE } from "../../linux-mm-model/vma.js";
import { ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE } from "../../xen-model/hw/control.js";
import { call, part, regionStart } from "./memory-steps.js";
import { SHARED_PAGE, TASK_STACK_PAGE, TEXT_PAGE } from "./player-image.js";
import type { Player } from "./player.js";
import type { MmStep, StepOf } from "./script.js";
import type { ScriptTask } from "./tasks.js";

/** Play `step`. Returns what its `start` window holds, where it has one. */
export function lifeStep(p: Player, step: MmStep, task: ScriptTask, index: number): (() => void) | undefined {
  switch (step.op) {
    case "fork":
      return start(p, step, task, 0);
    case "clone_thread":
      return start(p, step, task, CLONE_VM | CLONE_FILES | CLONE_THREAD);
    case "exec":
      return exec(p, task);
    case "exit":
      exit(p, task);
      return;
    case "exit_group":
      return exitGroup(p, task);
    case "switch":
      return pingPong(p, step, task, index);
    case "thread_storm":
      for (let i = 0; i < step.threads; i++) threadOf(p, step, task, index);
      return;
    case "pthread_storm":
      for (let i = 0; i < step.threads; i++) pthreadOf(p, step, task, index);
      return;
    case "fork_storm":
      for (let i = 0; i < step.children; i++) childOf(p, step, task, index);
      return;
    case "vfork_exec":
      for (let i = 0; i < step.children; i++) vforkOf(p, task);
      return;
    case "park":
      task.spins = step.mode === "spin";
      return;
    case "migrate":
      p.machine.syscall(task.vcpu);
      migrate(p, task, step.vcpu);
      p.machine.return_to_user(task.vcpu);
      return;
    case "fdgrow":
      call(p, task.vcpu, () => sys.sys_dup2(p.machine.linux, task.vcpu, step.fd));
      if (step.close === true) call(p, task.vcpu, () => undefined);
      return;
    default:
      p.bad(index, `has the unknown op ${step.op}`, "see FORMAT.md for the ops");
  }
}

/** fork or clone; then the child takes the vCPU as its parent sleeps, makes itself ready, and moves to its own vCPU. */
function start(
  p: Player,
  step: StepOf<"fork"> | StepOf<"clone_thread">,
  task: ScriptTask,
  flags: number,
): () => void {
  const { machine, tasks } = p;
  const { vcpu } = task;
  machine.syscall(vcpu);
  const child = tasks.add(step.child, p.copy(vcpu, flags, flags !== 0), vcpu);
  machine.return_to_user(vcpu);
  return () => {
    tasks.sleep(task, child);
    machine.return_to_user(vcpu);
    if (flags === 0) p.startUp(vcpu);
    tasks.call(child);
    machine.syscall(vcpu);
    tasks.wakeController(vcpu);
    machine.return_to_user(vcpu);
    machine.syscall(vcpu);
    if (step.vcpu !== vcpu) migrate(p, child, step.vcpu);
    machine.return_to_user(child.vcpu);
  };
}

/** `task`, in the kernel, goes on on another vCPU: the migration thread takes it off this one. */
function migrate(p: Player, task: ScriptTask, vcpu: number): void {
  if (task.vcpu === vcpu) return;
  p.tasks.stopper(task.vcpu, vcpu);
  task.vcpu = vcpu;
  p.tasks.wake(task);
}

/** The task exits, which whoever started its process waits for on a CPU of its own. */
function exit(p: Player, task: ScriptTask): void {
  const alone = p.tasks.collectThreads(task.tgid).length === 1;
  p.machine.syscall(task.vcpu);
  die(p, task);
  if (alone) p.tasks.wakeController(task.vcpu);
  p.tasks.idle(task.vcpu);
}

/** The task, in the kernel, exits; it still holds the vCPU. */
function die(p: Player, task: ScriptTask): void {
  do_exit(p.machine.linux, task.vcpu);
  p.tasks.remove(task);
}

function exec(p: Player, task: ScriptTask): () => void {
  const { machine } = p;
  const { vcpu } = task;
  machine.syscall(vcpu);
  killOthers(p, task);
  do_execve(machine.linux, vcpu, p.image);
  task.spins = false; // a new image waits as one does at the start
  machine.return_to_user(vcpu);
  machine.touch(vcpu, TEXT_PAGE as Vpn, ACCESS_FETCH);
  return () => {
    p.startUp(vcpu);
    for (let i = 0; i < 3; i++) p.tasks.call(task);
  };
}

function exitGroup(p: Player, task: ScriptTask): undefined {
  const { vcpu } = task;
  p.machine.syscall(vcpu);
  die(p, task);
  const others = p.tasks.collectThreads(task.tgid);
  for (const other of others) if (other.vcpu === vcpu) kill(p, other);
  p.tasks.idle(vcpu);
  for (const other of others) if (other.vcpu !== vcpu) kill(p, other);
  for (const other of others) if (other.vcpu !== vcpu) p.tasks.idle(other.vcpu);
}

/** exec of a process with several threads: de_thread() waits until the others are gone. */
function killOthers(p: Player, task: ScriptTask): void {
  const others = p.tasks.collectThreads(task.tgid).filter((other) => other !== task);
  if (others.length === 0) return;
  for (const other of others) kill(p, other);
  for (const other of others) if (other.vcpu !== task.vcpu) p.tasks.idle(other.vcpu);
  p.tasks.wake(task);
}

/** A sleeping, or spinning, thread is killed: it gets the vCPU, and exits instead of returning to user mode. */
function kill(p: Player, task: ScriptTask): void {
  p.tasks.wake(task);
  p.machine.enter_kernel(task.vcpu);
  die(p, task);
}

/** Wake each other in turn: 4 system calls a round. */
function pingPong(p: Player, step: StepOf<"switch">, task: ScriptTask, index: number): undefined {
  const { machine, tasks } = p;
  const peer = p.taskOf(step.peer, index);
  machine.syscall(task.vcpu);
  tasks.wakeController(task.vcpu);
  machine.return_to_user(task.vcpu);
  const together = peer.vcpu === task.vcpu;
  for (let round = 0; round < step.rounds; round++) {
    turn(task, peer);
    turn(peer, task);
  }

  /** `from` wakes `to` and sleeps. */
  function turn(from: ScriptTask, to: ScriptTask): void {
    machine.syscall(from.vcpu);
    if (!together) tasks.wakeRemote(from.vcpu, to);
    machine.return_to_user(from.vcpu);
    tasks.sleep(from, together ? to : undefined);
    machine.return_to_user(to.vcpu);
  }
}

/** One thread: made, touches, exits, while its maker waits for it. */
function threadOf(
  p: Player,
  step: StepOf<"thread_storm"> | StepOf<"pthread_storm">,
  task: ScriptTask,
  index: number,
): void {
  const { machine, tasks } = p;
  const { vcpu } = task;
  machine.syscall(vcpu);
  const child = tasks.add(
    `${task.name}.child`,
    p.copy(vcpu, CLONE_VM | CLONE_FILES | CLONE_THREAD, true),
    vcpu,
  );
  machine.return_to_user(vcpu);
  tasks.sleep(task, child);
  machine.return_to_user(vcpu);
  if (step.op === "thread_storm") touchPages(p, step, vcpu, index);
  finish(p, child, task);
}

/** The child exits, and its maker, which waited, goes on. */
function finish(p: Player, child: ScriptTask, maker: ScriptTask): void {
  p.machine.syscall(child.vcpu);
  die(p, child);
  p.tasks.yield_to(child.vcpu, maker);
  p.machine.return_to_user(maker.vcpu);
}

function touchPages(
  p: Player,
  step: { readonly region?: string | undefined; readonly touch_pages: number },
  vcpu: number,
  index: number,
): void {
  if (step.region === undefined) return;
  const start = regionStart(p, step.region, index);
  for (let page = start; page < start + step.touch_pages; page++)
    p.machine.touch(vcpu, page as Vpn, ACCESS_WRITE);
}

/** One thread as a thread library makes it: a stack with a guard page, its top written by the maker. */
function pthreadOf(p: Player, step: StepOf<"pthread_storm">, task: ScriptTask, index: number): void {
  const { machine } = p;
  const { linux } = machine;
  const { vcpu } = task;
  const { start, pages } = part(p, step, index);
  call(p, vcpu, () =>
    sys.sys_mmap(linux, vcpu, { start, pages, flags: 0, file: NO_FILE, pgoff: 0, noreplace: true }),
  );
  call(p, vcpu, () => sys.sys_mprotect(linux, vcpu, start + 1, pages - 1, VM_READ | VM_WRITE));
  machine.touch(vcpu, (start + pages - 1) as Vpn, ACCESS_WRITE);
  threadOf(p, step, task, index);
  call(p, vcpu, () => sys.sys_munmap(linux, vcpu, start, pages));
}

/** One process: forked, touches, exits, is reaped. */
function childOf(p: Player, step: StepOf<"fork_storm">, task: ScriptTask, index: number): void {
  const { machine, tasks } = p;
  const { vcpu } = task;
  machine.syscall(vcpu);
  const child = tasks.add(`${task.name}.child`, p.copy(vcpu, 0, false), vcpu);
  machine.return_to_user(vcpu);
  tasks.sleep(task, child);
  machine.return_to_user(vcpu);
  machine.touch(vcpu, TEXT_PAGE as Vpn, ACCESS_FETCH);
  machine.touch(vcpu, TASK_STACK_PAGE as Vpn, ACCESS_WRITE);
  machine.touch(vcpu, SHARED_PAGE as Vpn, ACCESS_READ);
  touchPages(p, step, vcpu, index);
  finish(p, child, task);
}

/** vfork, exec of a program that exits at once, wait. */
function vforkOf(p: Player, task: ScriptTask): void {
  const { machine, tasks } = p;
  const { vcpu } = task;
  machine.syscall(vcpu);
  const child = tasks.add(`${task.name}.child`, p.copy(vcpu, CLONE_VM | CLONE_VFORK, false), vcpu);
  tasks.yield_to(vcpu, child);
  machine.return_to_user(vcpu);
  machine.syscall(vcpu);
  do_execve(machine.linux, vcpu, p.exitImage);
  machine.return_to_user(vcpu);
  machine.touch(vcpu, TEXT_PAGE as Vpn, ACCESS_FETCH);
  finish(p, child, task);
  tasks.call(task);
}
