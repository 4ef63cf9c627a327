/**
 * exit: a task leaves its address space; with the last one the address space goes.
 *
 * Mirrors: exit_mm(), kernel/exit.c; __mmput(), kernel/fork.c; exit_mmap(), mm/mmap.c.
 */
import { CAUSE } from "../abi/ledger.js";
import { DONE, NEXT, path, runPath, step } from "../abi/path.js";
import { exit_files } from "./fdtable.js";
import { lru_add_drain } from "./lru.js";
import type { Linux } from "./linux.js";
import { free_pgtables } from "./mmap.js";
import { NO_MM } from "./mm-struct.js";
import { call_rcu } from "./rcu.js";
import { mmdrop } from "./sched.js";
import { tlb_finish_mmu, tlb_gather_mmu } from "./unmap.js";
import { unmap_vmas } from "./unmap-vmas.js";
import { NO_VMA } from "./vma.js";

/** The task that runs on `cpu` exits. It runs on, on borrowed tables, until it is switched away from. */
export function do_exit(k: Linux, cpu: number): void {
  const { tasks, percpu, ledger, mms } = k;
  const task = percpu.current[cpu]!;
  const mm = tasks.mm[task]!;
  const last = mm !== NO_MM && mms.mm_users[mm] === 1;
  const before = ledger.enter(cpu, last ? CAUSE.exit : CAUSE.thread_exit);
  tasks.dead[task] = 1;
  if (mm !== NO_MM) runPath(exit_mm_path, k, cpu);
  exit_files(k, cpu, task);
  call_rcu(k, cpu); // release_task()
  ledger.enter(cpu, before);
}

/** The task that runs leaves its mm, and runs on, lazily: life.mm is then that mm. */
export const exit_mm_step = step<Linux>("exit_mm", (k, cpu) => {
  const { tasks, mms, life, percpu } = k;
  const task = percpu.current[cpu]!;
  const mm = tasks.mm[task]!;
  life.mm[cpu] = mm;
  mms.mm_count[mm]!++;
  k.pv.thread_exit(cpu, mm, task);
  tasks.mm[task] = NO_MM;
  percpu.switches.add(cpu);
  tasks.active_mm[task] = mm;
  k.pv.enter_lazy_tlb(cpu, mm);
  return NEXT;
});

/** Drop a user of life.mm; the last one takes it down. */
export const mmput_step = step<Linux>("mmput", (k, cpu) =>
  --k.mms.mm_users[k.life.mm[cpu]!]! > 0 ? DONE : NEXT,
);

/** All users together had one reference to life.mm. */
export const mmdrop_step = step<Linux>("mmdrop", (k, cpu) => {
  mmdrop(k, cpu, k.life.mm[cpu]!);
  return NEXT;
});

const exit_mmap_step = step<Linux>("exit_mmap", (k, cpu) => {
  exit_mmap(k, cpu, k.life.mm[cpu]!);
  return NEXT;
});

const mmput_path = path("mmput", [mmput_step, exit_mmap_step, mmdrop_step]);
const exit_mm_path = path("exit_mm", [exit_mm_step, ...mmput_path.steps]);

/** Drop a user of `mm`. */
export function mmput(k: Linux, cpu: number, mm: number): void {
  k.life.mm[cpu] = mm;
  runPath(mmput_path, k, cpu);
}

/** Nobody uses the user half any more: force CPUs off it, unpin it, and take all of it away. */
function exit_mmap(k: Linux, cpu: number, mm: number): void {
  const { vmas, mms } = k;
  k.pv.exit_mmap(cpu, mm);
  const n = vmas.list(mms.vma_root[mm]!, 0, Infinity);
  if (n === 0) return;
  lru_add_drain(k, cpu);
  tlb_gather_mmu(k, cpu, mm, true);
  unmap_vmas(k, cpu, mm, n);
  free_pgtables(k, cpu, mm, n, 0, Infinity);
  tlb_finish_mmu(k, cpu);
  vmas.free_all(n);
  mms.vma_root[mm] = NO_VMA;
  mms.map_count[mm] = 0;
}
