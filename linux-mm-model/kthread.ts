/**
 * A kernel thread that works in a user address space for a while: io_uring, vhost, asynchronous page faults.
 *
 * Mirrors: kthread_use_mm(), kthread_unuse_mm(), kernel/kthread.c.
 * Differs: the caller's reference (mmget()) is not taken here. A design may need tables for the thread, so using an
 *          mm can fail, which it cannot in 6.1.
 */
import { EINVAL, type Rc } from "../abi/errno.js";
import { NEXT, path, runPath, step } from "../abi/path.js";
import type { Linux } from "./linux.js";
import { NO_MM } from "./mm-struct.js";
import { mmdrop } from "./sched.js";
import { switch_mm_irqs_off_steps } from "./tlb.js";

/** From task_lock() on; regs.next_mm and regs.next_task, the thread itself, are the arguments. */
export const kthread_use_mm_path = path<Linux>("kthread_use_mm", [
  step("tsk->mm = mm", (k, cpu) => {
    const { tasks, mms, regs, percpu } = k;
    const task = regs.next_task[cpu]!;
    const mm = regs.next_mm[cpu]!;
    const active_mm = tasks.active_mm[task]!;
    if (active_mm !== mm) mms.mm_count[mm]!++;
    regs.prev_mm[cpu] = active_mm;
    tasks.active_mm[task] = mm;
    tasks.mm[task] = mm;
    percpu.switches.add(cpu);
    return NEXT;
  }),
  ...switch_mm_irqs_off_steps,
  step("mmdrop(active_mm)", (k, cpu) => {
    const { regs } = k;
    if (regs.prev_mm[cpu] !== regs.next_mm[cpu]) mmdrop(k, cpu, regs.prev_mm[cpu]!);
    return NEXT;
  }),
]);

/** The kernel thread that runs on `cpu` takes `mm`. 0, -EINVAL if it has one, -ENOMEM. */
export function kthread_use_mm(k: Linux, cpu: number, mm: number): Rc {
  const { tasks, percpu, regs } = k;
  const task = percpu.current[cpu]!;
  if (tasks.mm[task] !== NO_MM) return -EINVAL;
  const rc = k.top.thread_create(k, cpu, mm, task);
  if (rc !== 0) return rc;
  regs.next_mm[cpu] = mm;
  regs.next_task[cpu] = task;
  runPath(kthread_use_mm_path, k, cpu);
  return 0;
}

/** It gives `mm` back, and runs on, on borrowed tables. */
export function kthread_unuse_mm(k: Linux, cpu: number, mm: number): void {
  const { tasks, percpu } = k;
  const task = percpu.current[cpu]!;
  tasks.mm[task] = NO_MM;
  percpu.switches.add(cpu);
  k.pv.enter_lazy_tlb(cpu, mm);
  k.pv.thread_free(cpu, task);
}
