/**
 * A vCPU goes away and comes back.
 *
 * It leaves for the tables of init_mm, and Xen keeps these installed on the stopped vCPU: a design may free what
 * the vCPU had of other mms, never what it stopped on.
 *
 * Mirrors: idle_task_exit(), kernel/sched/core.c; xen_pv_cpu_disable(), xen_pv_play_dead(), xen_pv_cpu_up(),
 *          arch/x86/xen/smp_pv.c.
 */
import { EBUSY, type Rc } from "../abi/errno.js";
import { CAUSE } from "../abi/ledger.js";
import type { Linux } from "./linux.js";
import { INIT_MM } from "./mm-struct.js";
import { idle_task, mmdrop } from "./sched.js";
import { leave_mm } from "./tlb.js";

/** Stop `cpu`, which idles; `by` asks for it. 0, or -EBUSY if it runs a task, is down already, or is CPU 0. */
export function cpu_down(k: Linux, by: number, cpu: number): Rc {
  const { percpu, tasks, ledger } = k;
  if (cpu === 0 || cpu === by || percpu.online[cpu] === 0) return -EBUSY;
  const idle = idle_task(cpu);
  if (percpu.current[cpu] !== idle) return -EBUSY;
  const before = ledger.enter(cpu, CAUSE.hotplug);
  leave_mm(k, cpu);
  const active_mm = tasks.active_mm[idle]!;
  tasks.active_mm[idle] = INIT_MM;
  k.mms.mm_count[INIT_MM]!++;
  mmdrop(k, cpu, active_mm);
  percpu.is_lazy[cpu] = 0;
  percpu.online[cpu] = 0;
  const rc = k.hv.vcpu_down(cpu);
  ledger.enter(cpu, before);
  if (rc === 0) k.top.cpu_down(k, by, cpu);
  return rc;
}

/** Start `cpu` again. 0, -EBUSY if it is up, or -ENOMEM: then it stays down. */
export function cpu_up(k: Linux, by: number, cpu: number): Rc {
  const { percpu, ledger } = k;
  if (percpu.online[cpu] !== 0) return -EBUSY;
  const before = ledger.enter(by, CAUSE.hotplug);
  let rc = k.top.cpu_up(k, by, cpu);
  if (rc === 0) rc = k.hv.vcpu_up(cpu);
  if (rc === 0) percpu.online[cpu] = 1;
  ledger.enter(by, before);
  return rc;
}
