/**
 * Switching tasks: address space, registers, and what the last task leaves behind.
 *
 * A task without an mm borrows the one that is loaded: it holds a reference (mm_count) until a task with
 * an mm runs again, so that tables are never freed under a CPU. A dead task is let go of once it has been
 * switched away from.
 *
 * Mirrors: __schedule(), context_switch(), finish_task_switch(), kernel/sched/core.c; __switch_to(),
 *          arch/x86/kernel/process_64.c.
 * Differs: which task runs next is decided by the caller: a recording, or a workload.
 */
import { EV } from "../abi/events.js";
import { DONE, NEXT, path, step } from "../abi/path.js";
import type { Linux } from "./linux.js";
import { free_thread_stack } from "./thread-stack.js";
import { NO_AREA } from "./vmalloc.js";
import { NO_MM } from "./mm-struct.js";
import { enter_lazy_tlb, run_switch_mm, switch_mm_irqs_off_steps } from "./tlb.js";
import {
  leave_lazy_cpu,
  save_fsgs,
  x86_fsgsbase_load,
  xen_end_context_switch,
  xen_load_sp0,
  xen_load_tls,
} from "./xen/enlighten-pv.js";

const TO_KERNEL = 2;
const SWITCH_TO = 3 + switch_mm_irqs_off_steps.length;

/** regs.next_task is the argument. */
export const context_switch_path = path<Linux>("context_switch", [
  step("prepare_task_switch", prepare_task_switch),
  step("arch_start_context_switch", arch_start_context_switch),
  step("enter_lazy_tlb", to_kernel_task),
  ...switch_mm_irqs_off_steps,
  step("switch_to", begin_task_switch),
  step("__switch_to", __switch_to),
  step("finish_task_switch", finish_task_switch),
  step("thread_free", free_thread),
  step("put_task_struct", put_task_struct),
]);

/** Give the CPU from the task that runs to `next`. The steps as runPath() does them, by name: V8 compiles them into one piece. */
export function context_switch(k: Linux, cpu: number, next: number): void {
  k.regs.next_task[cpu] = next;
  note_prev(k, cpu);
  if (arch_start_context_switch(k, cpu) === TO_KERNEL) to_kernel_task(k, cpu);
  else {
    k.switchesByName = true;
    run_switch_mm(k, cpu);
    k.switchesByName = false;
  }
  keep_prev_mm(k, cpu);
  if (k.pv.switch_to_at_once?.(cpu, next) !== true) {
    k.ledger.count(cpu, EV.context_switch, 1);
    end_context_switch(k, cpu);
    __switch_to(k, cpu);
  }
  if (finish_task_switch(k, cpu) === DONE) return;
  free_thread(k, cpu);
  put_task_struct(k, cpu);
}

function prepare_task_switch(k: Linux, cpu: number): number {
  note_prev(k, cpu);
  k.ledger.count(cpu, EV.context_switch, 1);
  return NEXT;
}

function note_prev(k: Linux, cpu: number): void {
  k.regs.prev_task[cpu] = k.percpu.current[cpu]!;
  k.regs.prev_mm[cpu] = NO_MM;
}

function arch_start_context_switch(k: Linux, cpu: number): number {
  const { tasks, regs } = k;
  k.pv.start_context_switch(cpu, regs.prev_task[cpu]!);
  const next = regs.next_task[cpu]!;
  regs.next_mm[cpu] = tasks.mm[next]!;
  return tasks.mm[next] === NO_MM ? TO_KERNEL : TO_KERNEL + 1;
}

function to_kernel_task(k: Linux, cpu: number): number {
  const { tasks, mms, regs } = k;
  const prev = regs.prev_task[cpu]!;
  const active_mm = tasks.active_mm[prev]!;
  // enter_lazy_tlb() may load init_mm's tables, and uses the registers for it
  const next = regs.next_task[cpu]!;
  enter_lazy_tlb(k, cpu);
  regs.next_task[cpu] = next;
  tasks.active_mm[next] = active_mm;
  if (tasks.mm[prev] !== NO_MM) mms.mm_count[active_mm]!++;
  else tasks.active_mm[prev] = NO_MM;
  return SWITCH_TO;
}

function begin_task_switch(k: Linux, cpu: number): number {
  keep_prev_mm(k, cpu);
  return end_context_switch(k, cpu);
}

function keep_prev_mm(k: Linux, cpu: number): void {
  const { tasks, regs } = k;
  const prev = regs.prev_task[cpu]!;
  const next = regs.next_task[cpu]!;
  if (tasks.mm[next] !== NO_MM && tasks.mm[prev] === NO_MM) {
    regs.prev_mm[cpu] = tasks.active_mm[prev]!;
    tasks.active_mm[prev] = NO_MM;
  }
}

function end_context_switch(k: Linux, cpu: number): number {
  k.pv.end_context_switch(cpu, k.regs.next_task[cpu]!);
  return NEXT;
}

function __switch_to(k: Linux, cpu: number): number {
  k.pv.switch_to(cpu, k.regs.prev_task[cpu]!, k.regs.next_task[cpu]!);
  return NEXT;
}

function finish_task_switch(k: Linux, cpu: number): number {
  const { tasks, regs } = k;
  const prev = regs.prev_task[cpu]!;
  tasks.on_cpu[prev] = -1;
  if (regs.prev_mm[cpu] !== NO_MM) mmdrop(k, cpu, regs.prev_mm[cpu]!);
  return tasks.dead[prev] === 0 ? DONE : NEXT;
}

function free_thread(k: Linux, cpu: number): number {
  k.pv.thread_free(cpu, k.regs.prev_task[cpu]!);
  return NEXT;
}

function put_task_struct(k: Linux, cpu: number): number {
  const { tasks, regs } = k;
  const prev = regs.prev_task[cpu]!;
  if (tasks.stack[prev] !== NO_AREA) free_thread_stack(k, cpu, tasks.stack[prev]!);
  tasks.free(prev);
  return NEXT;
}

/** Up to the hypercalls that were queued so far, among them the CR3 load. */
export function begin_switch_to(k: Linux, cpu: number, next: number): void {
  save_fsgs(k, cpu);
  xen_load_tls(k, cpu, next);
  xen_end_context_switch(k, cpu);
}

/** The rest. test/machine/by-name.test.ts holds both against switch_to_at_once(). */
export function end_switch_to(k: Linux, cpu: number, next: number): void {
  const { tasks, percpu } = k;
  leave_lazy_cpu(k, cpu, next);
  x86_fsgsbase_load(k, cpu);
  percpu.set_current(cpu, next);
  tasks.on_cpu[next] = cpu;
  tasks.last_cpu[next] = cpu;
  xen_load_sp0(k, cpu, next);
}

/** Drop a reference to `mm`; with the last one go its top level and its row. Mirrors: __mmdrop(), kernel/fork.c. */
export function mmdrop(k: Linux, cpu: number, mm: number): void {
  const { mms } = k;
  if (--mms.mm_count[mm]! > 0) return;
  k.pv.pgd_free(cpu, mm);
  mms.free_mm(mm);
}

export { return_to_user } from "./entry.js";

/** The idle task of `cpu`. */
export function idle_task(cpu: number): number {
  return cpu;
}

/** Nothing to run: switch to the idle task if another one runs, and block in Xen. Mirrors: do_idle(). */
export function go_idle(k: Linux, cpu: number): void {
  if (k.percpu.current[cpu] !== idle_task(cpu)) context_switch(k, cpu, idle_task(cpu));
  k.hv.block(cpu);
}
