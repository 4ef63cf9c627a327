/**
 * fork, exec and exit, put together from the twins' own steps; and the interrupt that asks a CPU to leave tables.
 *
 * Differs: of a program's image there is the table of its first slot. A child is woken when its mm is pinned. The interrupt is taken
 *          between two paths: in those that it could come into, a CPU has no tables of a dying mm.
 */
import { BLOCKED, inlined, NEXT, path, type Path, runPath, step } from "../../abi/path.js";
import { exec_mmap_step } from "../../linux-mm-model/exec.js";
import { exit_mm_step, mmdrop_step, mmput_step } from "../../linux-mm-model/exit.js";
import { NO_MM } from "../../linux-mm-model/mm-struct.js";
import { P4D_PAGES, pud_alloc, table_of } from "../../linux-mm-model/pgtable.js";
import { idle_task, return_to_user } from "../../linux-mm-model/sched.js";
import { switch_mm_irqs_off_steps } from "../../linux-mm-model/tlb.js";
import { drop_pair_steps } from "../../linux-mm-model/top-level/pair.js";
import { free_pud_range_path, tlb_gather_mmu } from "../../linux-mm-model/unmap.js";
import { TLB_FLUSH_ALL } from "../../linux-mm-model/xen/flush-tlb.js";
import { embed, type Parts, type PvStep } from "./paths.js";
import type { PvState } from "./pv-state.js";
import { READS_write } from "./registers.js";

/** fork: a new mm with what the old one has, and a thread in it. life.task is the child. */
export function forkPath(parts: Parts): Path<PvState> {
  const { enter_mmap } = parts;
  return path("dup_mm", [
    step("mmap_write_lock, copy tables", (m, vcpu) => {
      const { linux, regs } = m;
      const oldmm = m.mmOf(vcpu);
      if (m.isRead(oldmm)) return BLOCKED;
      regs.reads[vcpu] = READS_write;
      linux.life.task[vcpu] = linux.tasks.alloc(0, 0);
      const mm = m.newMm(vcpu);
      regs.mapped[mm] = regs.mapped[oldmm]!;
      for (let slot = 0; slot < m.slots; slot++) {
        const page = slot * P4D_PAGES;
        if (table_of(linux, oldmm, page, 3) !== 0) pud_alloc(linux, vcpu, mm, page);
      }
      return NEXT;
    }),
    ...embed(enter_mmap, 1, 1 + enter_mmap.length),
    step("flush_tlb_mm_range", (m, vcpu) => {
      m.linux.pv.flush_tlb_mm_range(vcpu, m.mmOf(vcpu), 0, TLB_FLUSH_ALL);
      return NEXT;
    }),
    step("wake_up_new_task", (m, vcpu) => {
      const { linux, regs } = m;
      const { tasks, life, percpu } = linux;
      const child = life.task[vcpu]!;
      tasks.mm[child] = life.mm[vcpu]!;
      tasks.active_mm[child] = life.mm[vcpu]!;
      regs.opsLeft[child] = regs.opsLeft[percpu.current[vcpu]!]!;
      regs.reads[vcpu] = 0;
      return NEXT;
    }),
    step("return to user", toUser),
  ]);
}

/** exit: with the last thread the mm goes. The dead task runs on until it is switched away from. */
export function exitPath(parts: Parts): Path<PvState> {
  const taken = takeDown(parts, 2);
  return path("do_exit", [
    step("exit_mm", (m, vcpu) => {
      const { tasks, percpu } = m.linux;
      const task = percpu.current[vcpu]!;
      tasks.dead[task] = 1;
      m.regs.opsLeft[task] = 0;
      return exit_mm_step.run(m.linux, vcpu);
    }),
    ...embed([mmput_step], 1, 2 + taken.length),
    ...taken,
    step("return", () => NEXT),
  ]);
}

/** exec: a new mm for the thread, and the old one put. */
export function execPath(parts: Parts): Path<PvState> {
  const { enter_mmap } = parts;
  const enter = 2;
  const load = enter + enter_mmap.length + 1;
  const drop = load + switch_mm_irqs_off_steps.length + 1;
  const put = drop + drop_pair_steps.length;
  const taken = takeDown(parts, put + 2);
  return path("do_execve", [
    step("bprm_mm_init", (m, vcpu) => {
      const mm = m.newMm(vcpu);
      m.regs.mapped[mm] = 1;
      pud_alloc(m.linux, vcpu, mm, 0);
      return NEXT;
    }),
    ...embed([exec_mmap_step], 1, enter),
    ...embed(enter_mmap, enter, enter + enter_mmap.length),
    step("activate_mm", ({ linux }, vcpu) => {
      const { regs, life, percpu } = linux;
      regs.next_mm[vcpu] = life.mm[vcpu]!;
      regs.next_task[vcpu] = percpu.current[vcpu]!;
      return NEXT;
    }),
    ...embed(switch_mm_irqs_off_steps, load, drop - 1),
    step("a pair that was given up", ({ linux }, vcpu) => (linux.life.pgd[vcpu] === 0 ? put : NEXT)),
    ...embed(drop_pair_steps, drop, put),
    step("mmput(old_mm)", ({ linux }, vcpu) => {
      linux.life.mm[vcpu] = linux.regs.prev_mm[vcpu]!;
      return NEXT;
    }),
    ...embed([mmput_step], put + 1, put + 2 + taken.length),
    ...taken,
    step("return to user", toUser),
  ]);
}

/** From the last mmput() of life.mm on. */
function takeDown(parts: Parts, base: number): PvStep[] {
  const { exit_mmap, tlb_finish } = parts;
  const unmap = exit_mmap.length;
  const steps: PvStep[] = [
    ...embed(exit_mmap, 0, unmap),
    step("unmap_vmas, free_pgtables", (m, vcpu) => {
      const { linux, regs } = m;
      const { pud } = linux;
      const mm = linux.life.mm[vcpu]!;
      regs.mapped[mm] = 0;
      tlb_gather_mmu(linux, vcpu, mm, true);
      for (let slot = 0; slot < m.slots; slot++) {
        pud.mm[vcpu] = mm;
        pud.page[vcpu] = slot * P4D_PAGES;
        if (table_of(linux, mm, slot * P4D_PAGES, 3) !== 0) runPath(free_pud_range_path, linux, vcpu);
      }
      return NEXT;
    }),
    ...embed(tlb_finish, unmap + 1, unmap + 1 + tlb_finish.length),
    ...embed([mmdrop_step], unmap + 1 + tlb_finish.length, unmap + 2 + tlb_finish.length),
  ];
  return inlined(steps, base, base + steps.length);
}

/** The interrupt that a CPU sends to another, which has tables loaded that are to go. */
export function callFunctionPath({ call_function: steps }: Parts): Path<PvState> {
  return path("smp_call_function", [
    ...embed(steps, 0, steps.length),
    step("return", (m, vcpu) => {
      const { linux } = m;
      const task = linux.percpu.current[vcpu]!;
      if (task === idle_task(vcpu)) linux.hv.block(vcpu);
      else if (linux.tasks.mm[task] !== NO_MM) return_to_user(linux, vcpu);
      return NEXT;
    }),
  ]);
}

function toUser(m: PvState, vcpu: number): number {
  return_to_user(m.linux, vcpu);
  return NEXT;
}
