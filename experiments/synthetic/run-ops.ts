/**
 * Runs generated work on a machine: each operation is what a program, a scheduler or a device would do next.
 *
 * It keeps nothing of its own: what an operation means follows from the machine's state alone.
 */
import type { Vpn } from "../../abi/frames.js";
import { CAUSE } from "../../abi/ledger.js";
import { P4D_PAGES } from "../../linux-mm-model/pgtable.js";
import { do_execve, type Image } from "../../linux-mm-model/exec.js";
import { do_exit } from "../../linux-mm-model/exit.js";
import { CLONE_THREAD, CLONE_VFORK, CLONE_VM, copy_process } from "../../linux-mm-model/fork.js";
import { MADV_DONTNEED } from "../../linux-mm-model/madvise.js";
import { NO_MM } from "../../linux-mm-model/mm-struct.js";
import { context_switch, go_idle, idle_task } from "../../linux-mm-model/sched.js";
import * as sys from "../../linux-mm-model/syscalls.js";
import { NO_FILE, NO_VMA, VM_READ, VM_SHARED, VM_WRITE } from "../../linux-mm-model/vma.js";
import type { Machine } from "../../machine/machine.js";
import { ACCESS_READ, ACCESS_WRITE } from "../../xen-model/hw/control.js";
import { type Op, SLOT_PAGES, SLOTS, WHOLE } from "./ops.js";

/** Row of the file that generated programs map: the first that start() opens. */
const FILE = 0;
const FILE_PAGES = 2048;
/** More tasks are not made: a list of operations is short, and a machine for tests is small. */
const MAX_TASKS = 24;

const IMAGE: Image = {
  vmas: [{ start: 0x400, pages: 32, flags: VM_READ, file: FILE, pgoff: 0 }],
  stackTop: 255 * P4D_PAGES + 4096,
  stackPages: 33,
  brk: 0x1000,
};

/** The first process, on CPU 0. */
export function start(machine: Machine): void {
  const { linux, ledger } = machine;
  linux.files.open(linux.pages, FILE_PAGES, true);
  const row = linux.tasks.alloc(1, 1);
  context_switch(linux, 0, row);
  ledger.hold(0, CAUSE.boot);
  do_execve(linux, 0, IMAGE);
  ledger.release(0);
  machine.return_to_user(0);
}

/** Run one operation. */
export function runOp(machine: Machine, op: Op): void {
  const { linux } = machine;
  const cpu = op.cpu % linux.config.nrCpus;
  const task = linux.percpu.current[cpu]!;
  if (op.op === "switch") return switch_to_nth(machine, cpu, op.n);
  if (op.op === "interrupt") return machine.interrupt(cpu);
  if (linux.tasks.mm[task] === NO_MM) return;
  if (op.op === "idle") return switch_to(machine, cpu, idle_task(cpu));
  if (op.op === "touch" || op.op === "ktouch") return touch(machine, cpu, op);
  machine.return_to_user(cpu);
  machine.syscall(cpu);
  in_kernel(machine, cpu, op);
}

function in_kernel(machine: Machine, cpu: number, op: Op): void {
  const { linux } = machine;
  switch (op.op) {
    case "fork":
      make_task(machine, cpu, 0);
      break;
    case "thread":
      make_task(machine, cpu, CLONE_VM | CLONE_THREAD);
      break;
    case "vfork":
      make_task(machine, cpu, CLONE_VM | CLONE_VFORK);
      break;
    case "exec":
      // other threads end at exec; only a process without them does it here
      if (linux.mms.mm_users[linux.tasks.mm[linux.percpu.current[cpu]!]!] === 1) do_execve(linux, cpu, IMAGE);
      break;
    case "exit":
      if (waiting(machine).length === 0 && others_running(machine, cpu) === 0) break; // somebody has to stay
      do_exit(linux, cpu);
      return switch_to_nth(machine, cpu, op.n);
    default:
      memory_call(machine, cpu, op);
  }
  machine.return_to_user(cpu);
}

function memory_call(machine: Machine, cpu: number, op: Op): void {
  const { linux } = machine;
  const base = SLOTS[op.slot % SLOTS.length]! * P4D_PAGES + 0x10000;
  const start = base + op.page;
  const pages = op.pages === WHOLE ? SLOT_PAGES : op.pages;
  switch (op.op) {
    case "mmap": {
      const file = op.n % 4 === 1;
      const shared = file && op.n % 8 === 5;
      const flags = VM_READ | (op.n % 16 === 2 ? 0 : VM_WRITE) | (shared ? VM_SHARED : 0);
      const populate = op.n % 16 === 3 && op.pages !== WHOLE;
      sys.sys_mmap(linux, cpu, {
        start,
        pages,
        flags,
        file: file ? FILE : NO_FILE,
        pgoff: op.page,
        populate,
      });
      return;
    }
    case "munmap":
      if (op.pages === WHOLE) sys.sys_munmap(linux, cpu, base, 2 * SLOT_PAGES);
      else sys.sys_munmap(linux, cpu, start, pages);
      return;
    case "mprotect":
      sys.sys_mprotect(linux, cpu, start, pages, op.n % 2 === 0 ? VM_READ : VM_READ | VM_WRITE);
      return;
    case "madvise":
      sys.sys_madvise(linux, cpu, start, pages, MADV_DONTNEED);
      return;
    default:
      return; // a system call that leaves memory alone
  }
}

/** Touch the page if a VMA allows it; a program that does otherwise is not what is looked at. */
function touch(machine: Machine, cpu: number, op: Op): void {
  const { linux } = machine;
  const mm = linux.tasks.mm[linux.percpu.current[cpu]!]!;
  const page = SLOTS[op.slot % SLOTS.length]! * P4D_PAGES + 0x10000 + op.page;
  const vma = linux.vmas.find_vma(linux.mms.vma_root[mm]!, page);
  if (vma === NO_VMA || linux.vmas.start[vma]! > page) return;
  const write = op.n % 3 !== 0;
  if (write && (linux.vmas.flags[vma]! & VM_WRITE) === 0) return;
  const kernel = op.op === "ktouch";
  machine.return_to_user(cpu);
  if (kernel) machine.syscall(cpu);
  machine.touch(cpu, page as Vpn, write ? ACCESS_WRITE : ACCESS_READ, kernel);
  machine.return_to_user(cpu);
}

function make_task(machine: Machine, cpu: number, flags: number): void {
  const { linux } = machine;
  const { tasks } = linux;
  let alive = 0;
  let last = 0;
  for (let row = linux.config.nrCpus; row < tasks.max; row++) {
    if (tasks.used[row] === 0) continue;
    alive++;
    last = Math.max(last, tasks.tid[row]!);
  }
  if (alive >= MAX_TASKS) return;
  const parent = linux.percpu.current[cpu]!;
  const tid = last + 1;
  copy_process(linux, cpu, flags, tid, (flags & CLONE_THREAD) !== 0 ? tasks.tgid[parent]! : tid);
}

/** Tasks with an address space that wait for a CPU, in order of their rows. */
function waiting({ linux }: Machine): number[] {
  const { tasks, config } = linux;
  const rows: number[] = [];
  for (let row = config.nrCpus; row < tasks.max; row++) {
    if (
      tasks.used[row] !== 0 &&
      tasks.on_cpu[row] === -1 &&
      tasks.mm[row] !== NO_MM &&
      tasks.dead[row] === 0
    ) {
      rows.push(row);
    }
  }
  return rows;
}

function others_running({ linux }: Machine, cpu: number): number {
  let n = 0;
  for (let other = 0; other < linux.config.nrCpus; other++) {
    if (other !== cpu && linux.tasks.mm[linux.percpu.current[other]!] !== NO_MM) n++;
  }
  return n;
}

function switch_to_nth(machine: Machine, cpu: number, n: number): void {
  const rows = waiting(machine);
  switch_to(machine, cpu, rows.length === 0 ? idle_task(cpu) : rows[n % rows.length]!);
}

function switch_to(machine: Machine, cpu: number, row: number): void {
  const { linux, ledger } = machine;
  if (linux.percpu.current[cpu] === row) return;
  const before = ledger.enter(cpu, row < linux.config.nrCpus ? CAUSE.idle : CAUSE.switch);
  machine.enter_scheduler(cpu);
  if (row === idle_task(cpu)) go_idle(linux, cpu);
  else {
    context_switch(linux, cpu, row);
    machine.return_to_user(cpu);
  }
  ledger.enter(cpu, before);
}
