/**
 * A vCPU goes away and comes back.
 *
 * It leaves for the tables of init_mm, and Xen keeps these installed on the stopped vCPU: a design may free what
 * the vCPU had of other mms, never what it stopped on. Another CPU does that, and brings it up again.
 *
 * Mirrors: take_cpu_down(), kernel/cpu.c; idle_task_exit(), kernel/sched/core.c; xen_pv_cpu_disable(), xen_pv_play_dead(),
 *          xen_pv_cpu_die(), xen_pv_cpu_up(), arch/x86/xen/smp_pv.c.
 * Differs: xen_pv_cpu_disable() loads swapper_pg_dir, and idle_task_exit() leaves the mm later; here that is one load. The other CPUs
 *          are not stopped meanwhile (stop_machine()).
 */
import { EBUSY, type Rc } from "../abi/errno.js";
import { CAUSE } from "../abi/ledger.js";
import { AGAIN, BLOCKED, DONE, inlined, NEXT, path, type Path, runPath, step } from "../abi/path.js";
import type { Linux } from "./linux.js";
import { MORE } from "./mm-life.js";
import { INIT_MM } from "./mm-struct.js";
import { idle_task, mmdrop } from "./sched.js";
import { leave_mm } from "./tlb.js";
import { drop_pair_steps } from "./top-level/pair.js";

/** The CPU idles, and goes: it leaves all tables of processes, answers who has asked it to, and stops. */
export const play_dead_path: Path<Linux> = path("xen_pv_play_dead", [
  step("idle_task_exit", (k, cpu) => {
    if (!k.top.may_load(k, cpu, INIT_MM)) return BLOCKED;
    leave_mm(k, cpu);
    return NEXT;
  }),
  step("mmdrop(active_mm)", (k, cpu) => {
    const { tasks, percpu, mms, csd } = k;
    const idle = idle_task(cpu);
    const active_mm = tasks.active_mm[idle]!;
    tasks.active_mm[idle] = INIT_MM;
    mms.mm_count[INIT_MM]!++;
    mmdrop(k, cpu, active_mm);
    percpu.is_lazy[cpu] = 0;
    csd.fn[cpu] = 0; // smpcfd_dying_cpu()
    return NEXT;
  }),
  step("VCPUOP_down", (k, cpu) => {
    k.percpu.online[cpu] = 0;
    k.life.rc[cpu] = k.hv.vcpu_down(cpu);
    return NEXT;
  }),
]);

/** What a design drops with a CPU that is down, life.cpu. */
export const cpu_dead_path: Path<Linux> = path("xen_pv_cpu_die", [
  step("a pair of the dead CPU", (k, cpu) => {
    const pgd = k.top.cpu_down(k, cpu, k.life.cpu[cpu]!);
    k.life.pgd[cpu] = pgd;
    return pgd === 0 ? DONE : NEXT;
  }),
  ...inlined(drop_pair_steps, 1, 0),
]);

/** Start life.cpu again; life.rc is the answer. */
export const cpu_up_path: Path<Linux> = path("xen_pv_cpu_up", [
  step("a pair of the CPU", (k, cpu) => {
    const rc = k.top.cpu_up(k, cpu, k.life.cpu[cpu]!);
    if (rc === -EBUSY) return BLOCKED;
    k.life.rc[cpu] = rc;
    if (rc === MORE) return AGAIN;
    return rc === 0 ? NEXT : DONE;
  }),
  step("VCPUOP_up", (k, cpu) => {
    const other = k.life.cpu[cpu]!;
    const rc = k.hv.vcpu_up(other);
    k.life.rc[cpu] = rc;
    if (rc === 0) k.percpu.online[other] = 1;
    return NEXT;
  }),
]);

/** Stop `cpu`, which idles; `by` asks for it. 0, or -EBUSY if it runs a task, is down already, or is CPU 0. */
export function cpu_down(k: Linux, by: number, cpu: number): Rc {
  const { percpu, ledger, life } = k;
  if (cpu === 0 || cpu === by || percpu.online[cpu] === 0) return -EBUSY;
  if (percpu.current[cpu] !== idle_task(cpu)) return -EBUSY;
  const before = ledger.enter(cpu, CAUSE.hotplug);
  runPath(play_dead_path, k, cpu);
  ledger.enter(cpu, before);
  if (life.rc[cpu] === 0) cpu_dead(k, by, cpu);
  return life.rc[cpu]!;
}

function cpu_dead(k: Linux, by: number, cpu: number): void {
  k.life.cpu[by] = cpu;
  runPath(cpu_dead_path, k, by);
}

/** Start `cpu` again. 0, -EBUSY if it is up, or -ENOMEM: then it stays down, without what was made for it. */
export function cpu_up(k: Linux, by: number, cpu: number): Rc {
  const { percpu, ledger, life } = k;
  if (percpu.online[cpu] !== 0) return -EBUSY;
  const before = ledger.enter(by, CAUSE.hotplug);
  life.cpu[by] = cpu;
  runPath(cpu_up_path, k, by);
  const rc = life.rc[by]!;
  if (rc !== 0) cpu_dead(k, by, cpu);
  ledger.enter(by, before);
  return rc;
}
