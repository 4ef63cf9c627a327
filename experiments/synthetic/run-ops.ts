/**
 * Runs generated work on a machine: each operation is what a program, a scheduler or a device would do next.
 *
 * It keeps nothing of its own: what an operation means follows from the machine's state alone.
 */
import type { Vpn } from "../../abi/frames.js";
import { LINUX_DIRECT_MAP_SLOT } from "../../abi/layout.js";
import { _PAGE_PRESENT } from "../../abi/page.js";
import { CAUSE } from "../../abi/ledger.js";
import { P4D_PAGES } from "../../linux-mm-model/pgtable.js";
import { do_execve, type Image } from "../../linux-mm-model/exec.js";
import { cpu_down, cpu_up } from "../../linux-mm-model/cpu-hotplug.js";
import { do_exit, mmput } from "../../linux-mm-model/exit.js";
import { CLONE_THREAD, CLONE_VM, copy_process } from "../../linux-mm-model/fork.js";
import { MADV_DONTNEED } from "../../linux-mm-model/madvise.js";
import { kthread_unuse_mm, kthread_use_mm } from "../../linux-mm-model/kthread.js";
import { INIT_MM, NO_MM } from "../../linux-mm-model/mm-struct.js";
import { context_switch, go_idle, idle_task } from "../../linux-mm-model/sched.js";
import { add_memory, first_page } from "../../linux-mm-model/sync-global-pgds.js";
import { text_poke } from "../../linux-mm-model/temporary-mm.js";
import { xen_suspend } from "../../linux-mm-model/xen/suspend.js";
import * as sys from "../../linux-mm-model/syscalls.js";
import { NO_FILE, NO_VMA, VM_READ, VM_SHARED, VM_WRITE } from "../../linux-mm-model/vma.js";
import type { Machine } from "../../machine/machine.js";
import { ACCESS_READ, ACCESS_WRITE } from "../../xen-model/hw/control.js";
import { type Op, SLOT_PAGES, SLOTS, WHOLE } from "./ops.js";

/** First page within a slot that is mapped; what lies below is the image's. */
const FIRST_PAGE = 0x10000;
/** Row of the file that generated programs map: the first that start() opens. */
const FILE = 0;
const FILE_PAGES = 2048;
/** More tasks are not made: a list of operations is short, and a machine for tests is small. */
const MAX_TASKS = 24;
/** Slots of the direct map in which memory is added. */
const HOT_SLOTS = 6;

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
  if (op.op === "plug") {
    if (linux.percpu.online[cpu] === 0) as_kernel(machine, 0, () => void cpu_up(linux, 0, cpu));
    return;
  }
  if (linux.percpu.online[cpu] === 0) return;
  if (in_kernel_thread(machine, cpu, op)) return;
  const task = linux.percpu.current[cpu]!;
  if (op.op === "switch")
    return waiting(machine).length === 0 ? undefined : switch_to_nth(machine, cpu, op.n);
  if (op.op === "interrupt") return machine.interrupt(cpu);
  if (linux.tasks.mm[task] === NO_MM) return;
  if (op.op === "idle") return switch_to(machine, cpu, idle_task(cpu));
  if (op.op === "touch" || op.op === "ktouch") return touch(machine, cpu, op);
  machine.return_to_user(cpu);
  machine.syscall(cpu);
  in_kernel(machine, cpu, op);
}

/** What kernel threads and the kernel itself do; false for another kind of operation. */
function in_kernel_thread(machine: Machine, cpu: number, op: Op): boolean {
  const { linux } = machine;
  switch (op.op) {
    case "kthread":
      switch_to(machine, cpu, kernel_thread(machine, cpu));
      return true;
    case "use_mm":
      use_mm(machine, cpu, op);
      return true;
    case "poke":
      as_kernel(machine, cpu, () => text_poke(linux, cpu));
      return true;
    case "suspend":
      as_kernel(machine, cpu, () => xen_suspend(linux, cpu, () => undefined));
      return true;
    case "unplug":
      if (cpu === 0 || linux.percpu.current[cpu] !== idle_task(cpu)) return true;
      machine.enter_scheduler(cpu);
      as_kernel(machine, 0, () => void cpu_down(linux, 0, cpu));
      return true;
    case "hot_add":
      if (linux.pae !== undefined) return true; // high memory, which no kernel slot maps
      as_kernel(machine, cpu, () => void add_memory(linux, cpu, hot_slot(op)));
      return true;
    case "kaccess":
      if ((linux.memory.flags(linux.mms.pgd[INIT_MM]!, hot_slot(op)) & _PAGE_PRESENT) === 0) return true;
      as_kernel(machine, cpu, () => void machine.touch(cpu, first_page(hot_slot(op)), ACCESS_READ, true));
      return true;
    default:
      return false;
  }
}

function hot_slot(op: Op): number {
  return LINUX_DIRECT_MAP_SLOT + 1 + (op.n % HOT_SLOTS);
}

/** Do `work` in the kernel: entered from user mode by a system call, from idle by an interrupt. */
function as_kernel(machine: Machine, cpu: number, work: () => void): void {
  const user = machine.linux.percpu.in_user[cpu] !== 0;
  if (user) machine.syscall(cpu);
  else machine.enter_scheduler(cpu);
  work();
  if (user) machine.return_to_user(cpu);
}

/** The kernel thread of `cpu`: a task without an address space, and without a number. */
function kernel_thread({ linux }: Machine, cpu: number): number {
  const tid = -1 - cpu;
  for (let row = linux.config.nrCpus; row < linux.tasks.max; row++) {
    if (linux.tasks.used[row] !== 0 && linux.tasks.tid[row] === tid) return row;
  }
  return linux.tasks.alloc(tid, tid);
}

/** As io_uring's worker: copy to a page of a process, if it maps one that may be written. */
function use_mm(machine: Machine, cpu: number, op: Op): void {
  const { linux } = machine;
  const thread = kernel_thread(machine, cpu);
  const users = waiting(machine).map((row) => linux.tasks.mm[row]!);
  if (linux.percpu.current[cpu] !== thread || users.length === 0) return;
  const mm = users[op.n % users.length]!;
  linux.mms.mm_users[mm]!++; // mmget(), of who asked for the work
  if (kthread_use_mm(linux, cpu, mm) === 0) {
    touch_page(machine, cpu, op, true);
    kthread_unuse_mm(linux, cpu, mm);
  }
  mmput(linux, cpu, mm);
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
  const base = SLOTS[op.slot % SLOTS.length]! * P4D_PAGES + FIRST_PAGE;
  const start = base + op.page;
  const pages = op.pages === WHOLE ? SLOT_PAGES : op.pages;
  switch (op.op) {
    case "mmap": {
      const file = op.n % 4 === 1;
      const shared = file && op.n % 8 === 5;
      const flags = VM_READ | (op.n % 16 === 2 ? 0 : VM_WRITE) | (shared ? VM_SHARED : 0);
      const populate = op.n % 16 === 3 && op.pages !== WHOLE;
      const from = { start, pages, pgoff: op.page };
      sys.sys_mmap(linux, cpu, { ...from, flags, file: file ? FILE : NO_FILE, populate });
      return;
    }
    case "munmap":
      if (op.pages === WHOLE || op.n % 2 === 0) sys.sys_munmap(linux, cpu, base, 2 * SLOT_PAGES);
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

function touch(machine: Machine, cpu: number, op: Op): void {
  const kernel = op.op === "ktouch";
  machine.return_to_user(cpu);
  if (kernel) machine.syscall(cpu);
  touch_page(machine, cpu, op, kernel);
  machine.return_to_user(cpu);
}

/** Touch a page of the n-th VMA, if that allows it; a program that does otherwise is not what is looked at. */
function touch_page(machine: Machine, cpu: number, op: Op, kernel: boolean): void {
  const { linux } = machine;
  const { vmas } = linux;
  const mm = linux.tasks.mm[linux.percpu.current[cpu]!]!;
  const mapped = mapped_vmas(machine, mm);
  if (mapped.length === 0) return;
  const vma = mapped[op.n % mapped.length]!;
  const write = op.page % 3 !== 0 && (vmas.flags[vma]! & VM_WRITE) !== 0;
  const page = vmas.start[vma]! + (op.page % (vmas.end[vma]! - vmas.start[vma]!));
  machine.touch(cpu, page as Vpn, write ? ACCESS_WRITE : ACCESS_READ, kernel);
}

/** The VMAs that generated work has made, in order of their addresses: not the image's, nor the stack. */
function mapped_vmas({ linux }: Machine, mm: number): number[] {
  const { vmas, mms } = linux;
  const rows: number[] = [];
  for (let vma = vmas.find_vma(mms.vma_root[mm]!, FIRST_PAGE); vma !== NO_VMA;) {
    if (vmas.start[vma]! < IMAGE.stackTop - IMAGE.stackPages) rows.push(vma);
    vma = vmas.find_vma(mms.vma_root[mm]!, vmas.end[vma]!);
  }
  return rows;
}

function make_task(machine: Machine, cpu: number, flags: number): void {
  const { linux } = machine;
  const { tasks } = linux;
  let alive = 0;
  let last = 0;
  for (let row = linux.config.nrCpus; row < tasks.max; row++) {
    if (tasks.used[row] === 0 || tasks.tid[row]! < 0) continue;
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
    if (linux.tasks.mm[row] !== NO_MM) machine.return_to_user(cpu);
  }
  ledger.enter(cpu, before);
}
