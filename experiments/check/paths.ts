/**
 * The paths of a vCPU, put together from the twins' own steps, and what is between them: system calls, faults, locks.
 *
 * Differs: what lies below an L3 is not built: a fault ends with the L3, and an access is through as soon as its walk has
 *          found one. VMAs are a bit a slot. mmap_lock is held for writing in one step only, as unmap_region() runs with
 *          the lock downgraded. No path is preempted, so a vCPU that waits for a lock spins.
 */
import { BLOCKED, DONE, NEXT, path, type Path, type Step, step } from "../../abi/path.js";
import { cpu_dead_path, cpu_up_path, play_dead_path } from "../../linux-mm-model/cpu-hotplug.js";
import { do_user_addr_fault_path, FAULT_SYNCED } from "../../linux-mm-model/fault.js";
import { NO_MM } from "../../linux-mm-model/mm-struct.js";
import { __pud_alloc_path, P4D_PAGES, table_of } from "../../linux-mm-model/pgtable.js";
import { kthread_unuse_mm, kthread_use_mm_path } from "../../linux-mm-model/kthread.js";
import { context_switch_path, idle_task, return_to_user } from "../../linux-mm-model/sched.js";
import { call_function_path } from "../../linux-mm-model/xen/leave-tables.js";
import { thread_free_path, xen_exit_mmap_path } from "../../linux-mm-model/xen/cr3.js";
import { xen_enter_mmap_path } from "../../linux-mm-model/xen/mmu-pv.js";
import { free_pud_range_path, tlb_finish_mmu_path, tlb_gather_mmu } from "../../linux-mm-model/unmap.js";
import type { Linux } from "../../linux-mm-model/linux.js";
import { PerVcpu } from "../../linux-mm-model/top-level/per-vcpu.js";
import type { PvState } from "./pv-state.js";
import { SEEN_unresolved } from "./registers.js";

export type PvStep = Step<PvState>;

/** Steps of Linux's, where they stand in a longer path: from `base` on, and `end` is where DONE goes. */
export function embed(steps: readonly Step<Linux>[], base: number, end: number): PvStep[] {
  return steps.map(({ name, run }) => ({
    name,
    run: (m, vcpu) => {
      const answer = run(m.linux, vcpu);
      if (answer >= 0) return base + answer;
      return answer === DONE ? end : answer;
    },
  }));
}

/** The steps that a mutant may replace, by name. */
export interface Parts {
  readonly sync: readonly Step<Linux>[];
  readonly pud_alloc: readonly Step<Linux>[];
  readonly free_pud: readonly Step<Linux>[];
  readonly tlb_finish: readonly Step<Linux>[];
  readonly context_switch: readonly Step<Linux>[];
  readonly use_mm: readonly Step<Linux>[];
  readonly enter_mmap: readonly Step<Linux>[];
  readonly exit_mmap: readonly Step<Linux>[];
  readonly thread_free: readonly Step<Linux>[];
  readonly call_function: readonly Step<Linux>[];
  readonly play_dead: readonly Step<Linux>[];
  readonly cpu_dead: readonly Step<Linux>[];
  readonly cpu_up: readonly Step<Linux>[];
}

/** As the twins have them. */
export const PARTS: Parts = {
  sync: do_user_addr_fault_path.steps.slice(0, 2),
  pud_alloc: __pud_alloc_path.steps,
  free_pud: free_pud_range_path.steps,
  tlb_finish: tlb_finish_mmu_path.steps,
  context_switch: context_switch_path.steps,
  use_mm: kthread_use_mm_path.steps,
  enter_mmap: xen_enter_mmap_path.steps,
  exit_mmap: xen_exit_mmap_path.steps,
  thread_free: thread_free_path.steps,
  call_function: call_function_path.steps,
  play_dead: play_dead_path.steps,
  cpu_dead: cpu_dead_path.steps,
  cpu_up: cpu_up_path.steps,
};

/** exc_page_fault: k.fault.page is the argument. */
export function faultPath(parts: Parts): Path<PvState> {
  const { sync, pud_alloc } = parts;
  const findVma = sync.length;
  const handle = findVma + 1;
  const unlock = handle + 1 + pud_alloc.length;
  const end = unlock + 1;
  return path("exc_page_fault", [
    ...embed(sync, 0, end),
    step("mmap_read_lock, find_vma", (m, vcpu) => {
      const { regs } = m;
      if (m.linux.percpu.lazy_mode[vcpu] !== 0) {
        regs.access[vcpu] = 0; // copy_from_user_nofault(): -EFAULT
        return end;
      }
      const mm = m.mmOf(vcpu);
      if (m.isWritten(mm)) return BLOCKED;
      if ((regs.mapped[mm]! & (1 << m.faultSlot(vcpu))) === 0) {
        regs.access[vcpu] = 0; // SIGSEGV, and the program is through with it
        return end;
      }
      regs.reads[vcpu] = 1;
      return NEXT;
    }),
    step("handle_mm_fault", (m, vcpu) => {
      const { linux } = m;
      const page = linux.fault.page[vcpu]!;
      linux.pud.mm[vcpu] = m.mmOf(vcpu);
      linux.pud.page[vcpu] = page;
      return table_of(linux, m.mmOf(vcpu), page, 3) !== 0 ? unlock : NEXT;
    }),
    ...embed(pud_alloc, handle + 1, unlock),
    step("mmap_read_unlock", (m, vcpu) => {
      m.regs.reads[vcpu] = 0;
      return NEXT;
    }),
    step("arch_leave_lazy_mmu_mode", (m, vcpu) => {
      const { result } = m.linux.fault;
      if (result[vcpu] === FAULT_SYNCED && m.faultsAgain(vcpu)) m.regs.seen[0]! |= SEEN_unresolved;
      if (m.linux.percpu.lazy_mode[vcpu] === 0) return NEXT;
      m.regs.access[vcpu] = 0;
      m.linux.pv.arch_leave_lazy_mmu_mode(vcpu);
      return NEXT;
    }),
    step("return to user", (m, vcpu) => {
      if (m.runsKthread(vcpu)) m.linux.hv.iret(vcpu, false);
      else return_to_user(m.linux, vcpu);
      return NEXT;
    }),
  ]);
}

/** munmap of all that a slot has; k.pud.mm and k.pud.page are the arguments. */
export function munmapPath(parts: Parts): Path<PvState> {
  const { free_pud, tlb_finish } = parts;
  const finish = 1 + free_pud.length;
  const end = finish + tlb_finish.length;
  return path("__do_munmap", [
    step("mmap_write_lock, detach VMAs", (m, vcpu) => {
      const { linux, regs } = m;
      const mm = linux.pud.mm[vcpu]!;
      const page = linux.pud.page[vcpu]!;
      if (m.isRead(mm)) return BLOCKED;
      regs.mapped[mm]! &= ~(1 << Math.floor(page / P4D_PAGES));
      regs.reads[vcpu] = 1; // mmap_write_downgrade()
      tlb_gather_mmu(linux, vcpu, mm, false);
      return table_of(linux, mm, page, 3) === 0 ? finish : NEXT;
    }),
    ...embed(free_pud, 1, finish),
    ...embed(tlb_finish, finish, end),
    step("return to user", (m, vcpu) => {
      m.regs.reads[vcpu] = 0;
      return_to_user(m.linux, vcpu);
      return NEXT;
    }),
  ]);
}

/** The scheduler of the vCPU switches to k.regs.next_task, which goes on where it was; a dead task that it leaves goes. */
export function switchPath(parts: Parts): Path<PvState> {
  const { context_switch, thread_free } = parts;
  const free = context_switch.findIndex(({ name }) => name === "thread_free");
  const put = free + 1 + thread_free.length;
  const end = put + context_switch.length - free - 1;
  return path("__schedule", [
    ...embed(context_switch.slice(0, free), 0, end),
    step("free what the dead task had", ({ linux }, vcpu) => {
      linux.life.task[vcpu] = linux.regs.prev_task[vcpu]!;
      return NEXT;
    }),
    ...embed(thread_free, free + 1, put),
    ...embed(context_switch.slice(free + 1), put, end),
    step("return", (m, vcpu) => {
      const { linux } = m;
      const task = linux.percpu.current[vcpu]!;
      if (task === idle_task(vcpu)) linux.hv.block(vcpu);
      else if (linux.tasks.mm[task] !== NO_MM && !m.runsKthread(vcpu)) return_to_user(linux, vcpu);
      return NEXT;
    }),
  ]);
}

/** The kernel thread of the vCPU takes k.regs.next_mm. */
export function useMmPath(parts: Parts): Path<PvState> {
  return path("kthread_use_mm", embed(parts.use_mm, 0, parts.use_mm.length));
}

/** It gives its mm back. Where a vCPU leaves such tables at once, that is a hypercall. */
export function unuseMmPath(): Path<PvState> {
  return path("kthread_unuse_mm", [
    step("kthread_unuse_mm", (m, vcpu) => {
      kthread_unuse_mm(m.linux, vcpu, m.mmOf(vcpu));
      return NEXT;
    }),
    step("return", () => NEXT),
  ]);
}

/**
 * Steps that belong to the action of the step before: nobody else can tell that they come later. They touch what is the
 * vCPU's own, or give a lock back (which can only let others go on), or take one that the step before shall have taken.
 */
export function isFused(name: string, linux: Linux): boolean {
  if (name === "sync_fault") return linux.top.loadsReference || linux.top instanceof PerVcpu;
  if (name === "load_new_mm_cr3") return !(linux.top instanceof PerVcpu);
  return FUSED.has(name);
}

/** Of those that belong to the step before: they may wait, and are actions of their own then. */
export const MAY_WAIT = new Set(["sync_fault", "a pair of the CPU"]);

const FUSED = new Set([
  "handle_mm_fault",
  "pud_alloc_one",
  "paravirt_alloc_pud",
  "p4d_populate",
  "spin_unlock(page_table_lock)",
  "mmap_read_unlock",
  "arch_leave_lazy_mmu_mode",
  "return to user",
  "pud_free_tlb",
  "prepare_task_switch",
  "arch_start_context_switch",
  "enter_lazy_tlb",
  "tsk->mm = mm",
  "mmdrop(active_mm)",
  "a pair of the dead CPU",
  "a pair of the CPU",
  "kthread_unuse_mm",
  "real_prev == next",
  "cpumask_clear_cpu(real_prev)",
  "loaded_mm = next",
  "switch_to",
  "__switch_to",
  "finish_task_switch",
  "free what the dead task had",
  "thread_free",
  "put_task_struct",
  "exec_mmap",
  "activate_mm",
  "a pair that was given up",
  "mmput(old_mm)",
  "xen_pgd_pin",
  "pinned",
  "xen_mc_flush",
  "csd_unlock",
  "unpin",
  "free_pgd_pair",
  "xen_pgd_unpin",
  "unmap_vmas, free_pgtables",
  "mmdrop",
  "return",
]);
