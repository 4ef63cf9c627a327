/**
 * Switching address spaces, lazy TLB, and flushes by generation.
 *
 * A CPU that runs a kernel thread or idles keeps the last tables loaded (lazy), and stays in that mm's CPU set. Each
 * flush raises the mm's tlb_gen; a CPU that comes back to the mm compares generations and reloads if it is behind.
 *
 * Mirrors: arch/x86/mm/tlb.c.
 * Differs: no PCID (Linux switches it off on Xen PV), so one context a CPU, and each load flushes. On PV no
 *          remote CPU runs flush_tlb_func(), so should_trim_cpumask() has no effect and is left out.
 */
import { cpumask_any_but, cpumask_clear_cpu, cpumask_set_cpu } from "../abi/cpumask.js";
import { EV } from "../abi/events.js";
import { BLOCKED, blocked, NEXT, step } from "../abi/path.js";
import type { State } from "../abi/state.js";
import type { Linux } from "./linux.js";
import { INIT_MM } from "./mm-struct.js";
import { LOADED_MM_SWITCHING } from "./percpu.js";
import { NO_TASK } from "./task-struct.js";
import { TLB_FLUSH_ALL } from "./xen/flush-tlb.js";
import { FLUSH_ALL_ROW, FLUSH_SIZES, tlb_single_page_flush_ceiling } from "./xen/histograms.js";

/**
 * What switch_mm_irqs_off() and context_switch() carry from step to step.
 *
 * Shape: nrCpus rows.
 *   next_mm    Int32Array    mm that is to be loaded
 *   next_task  Int32Array    for which task, NO_TASK for none
 *   prev_task  Int32Array    context_switch(): the task that is switched away from
 *   prev_mm    Int32Array    rq->prev_mm: borrowed mm that finish_task_switch() drops, NO_MM for none
 *   real_prev  Int32Array    mm that was loaded
 *   pgd        Uint32Array   L4 to load, 0 if what is loaded will do
 *   next_gen   Float64Array  next_mm's tlb_gen, as read after joining its CPU set
 *   load_mm    Int32Array    write_cr3(): mm whose tables are being loaded
 */
export class SwitchRegisters {
  readonly next_mm: Int32Array;
  readonly next_task: Int32Array;
  readonly prev_task: Int32Array;
  readonly prev_mm: Int32Array;
  readonly real_prev: Int32Array;
  readonly pgd: Uint32Array;
  readonly next_gen: Float64Array;
  readonly load_mm: Int32Array;

  constructor(state: State, nrCpus: number) {
    this.next_mm = state.i32(nrCpus);
    this.next_task = state.i32(nrCpus);
    this.prev_task = state.i32(nrCpus);
    this.prev_mm = state.i32(nrCpus);
    this.real_prev = state.i32(nrCpus);
    this.pgd = state.u32(nrCpus);
    this.next_gen = state.f64(nrCpus);
    this.load_mm = state.i32(nrCpus);
  }
}

/** Steps of switch_mm_irqs_off(); regs.next_mm and regs.next_task are its arguments. */
export const switch_mm_irqs_off_steps = [
  step<Linux>("real_prev == next", begin_switch_mm),
  step<Linux>("cpumask_clear_cpu(real_prev)", leave_cpumask),
  step<Linux>("cpumask_set_cpu(next)", join_cpumask),
  step<Linux>("next_tlb_gen", read_next_tlb_gen),
  step<Linux>("load_new_mm_cr3", load_new_mm_cr3),
  step<Linux>("loaded_mm = next", end_switch_mm),
];

/** Load `next`'s tables for `task`, unless they are loaded and current. */
export function switch_mm_irqs_off(k: Linux, cpu: number, next: number, task: number): void {
  k.regs.next_mm[cpu] = next;
  k.regs.next_task[cpu] = task;
  run_switch_mm(k, cpu);
}

/** The steps as runPath() does them, by name: V8 compiles them into one piece. */
export function run_switch_mm(k: Linux, cpu: number): void {
  begin_switch_mm(k, cpu);
  leave_cpumask(k, cpu);
  join_cpumask(k, cpu);
  read_next_tlb_gen(k, cpu);
  if (load_new_mm_cr3(k, cpu) === BLOCKED) throw blocked("switch_mm_irqs_off", "load_new_mm_cr3");
  end_switch_mm(k, cpu);
}

function begin_switch_mm(k: Linux, cpu: number): number {
  const { percpu, regs, mms } = k;
  const next = regs.next_mm[cpu]!;
  const real_prev = percpu.loaded_mm[cpu]!;
  const was_lazy = percpu.is_lazy[cpu] !== 0;
  const pgd = k.top.pgd_of(k, cpu, next, regs.next_task[cpu]!);
  percpu.is_lazy[cpu] = 0;
  regs.real_prev[cpu] = real_prev;
  regs.pgd[cpu] = pgd;
  if (real_prev !== next) return NEXT;
  if (pgd !== percpu.xen_cr3[cpu]) {
    if (next !== INIT_MM) k.ledger.count(cpu, EV.top_load_same_mm, 1);
  } else if (!was_lazy || percpu.loaded_gen[cpu] === mms.tlb_gen[next]) regs.pgd[cpu] = 0;
  return NEXT;
}

function leave_cpumask(k: Linux, cpu: number): number {
  const { regs, mms } = k;
  const real_prev = regs.real_prev[cpu]!;
  if (real_prev !== regs.next_mm[cpu] && real_prev !== INIT_MM)
    cpumask_clear_cpu(cpu, mms.cpumask, mms.mm_cpumask(real_prev));
  return NEXT;
}

function join_cpumask(k: Linux, cpu: number): number {
  const { regs, mms } = k;
  const next = regs.next_mm[cpu]!;
  if (next !== INIT_MM) cpumask_set_cpu(cpu, mms.cpumask, mms.mm_cpumask(next));
  return NEXT;
}

function read_next_tlb_gen(k: Linux, cpu: number): number {
  k.regs.next_gen[cpu] = k.mms.tlb_gen[k.regs.next_mm[cpu]!]!;
  return NEXT;
}

function load_new_mm_cr3(k: Linux, cpu: number): number {
  const { percpu, regs } = k;
  const pgd = regs.pgd[cpu]!;
  if (pgd === 0) return NEXT;
  const next = regs.next_mm[cpu]!;
  if (!k.top.may_load(k, cpu, next)) return BLOCKED;
  if (next !== regs.real_prev[cpu]) percpu.set_loaded_mm(cpu, LOADED_MM_SWITCHING);
  percpu.loaded_ctx[cpu] = k.mms.ctx_id[next]!;
  percpu.loaded_gen[cpu] = regs.next_gen[cpu]!;
  k.pv.write_cr3(cpu, next, pgd);
  k.ledger.count(cpu, EV.tlb_flush_task_switch, 1);
  k.hist.tlb_flush[FLUSH_ALL_ROW]!++;
  return NEXT;
}

function end_switch_mm(k: Linux, cpu: number): number {
  const { percpu, regs } = k;
  if (regs.pgd[cpu] === 0) return NEXT;
  percpu.set_loaded_mm(cpu, regs.next_mm[cpu]!);
  const old = k.top.loaded(k, cpu, regs.next_task[cpu]!);
  if (old !== 0) k.life.pgd[cpu] = old;
  return NEXT;
}

/** The CPU is about to run a task without an mm: keep the tables, if the top-level design does. */
export function enter_lazy_tlb(k: Linux, cpu: number): void {
  const { percpu } = k;
  if (percpu.loaded_mm[cpu] === INIT_MM) return;
  percpu.is_lazy[cpu] = 1;
  if (!k.top.unlazy) return;
  k.ledger.count(cpu, EV.top_unlazy, 1);
  leave_mm(k, cpu);
}

/** Leave a borrowed address space for init_mm's tables. */
export function leave_mm(k: Linux, cpu: number): void {
  if (k.percpu.loaded_mm[cpu] === INIT_MM) return;
  switch_mm_irqs_off(k, cpu, INIT_MM, NO_TASK);
}

/**
 * Flush pages start..end-1 of `mm` (end TLB_FLUSH_ALL: all) on all CPUs that may hold them; one page of each `stride`
 * pages is enough.
 *
 * Differs: freed_tables is not asked for: xen_flush_tlb_multi() flushes lazy CPUs in any case.
 */
export function flush_tlb_mm_range(
  k: Linux,
  cpu: number,
  mm: number,
  start: number,
  end: number,
  stride: number,
): void {
  const { mms } = k;
  const all = end === TLB_FLUSH_ALL || Math.floor((end - start) / stride) > tlb_single_page_flush_ceiling;
  const first = all ? 0 : start;
  const last = all ? TLB_FLUSH_ALL : end;
  const new_tlb_gen = ++mms.tlb_gen[mm]!;
  if (cpumask_any_but(cpu, mms.cpumask, mms.mm_cpumask(mm), mms.words))
    k.pv.flush_tlb_multi(cpu, mm, first, last, stride);
  else if (mm === k.percpu.loaded_mm[cpu]) flush_tlb_func(k, cpu, first, last, stride, new_tlb_gen);
}

/** Is a flush of one page of `mm` a flush_tlb_user_pages() of this CPU alone? */
export function flushes_one_here(k: Linux, cpu: number, mm: number): boolean {
  const { percpu, mms } = k;
  if (cpumask_any_but(cpu, mms.cpumask, mms.mm_cpumask(mm), mms.words)) return false;
  return (
    mm === percpu.loaded_mm[cpu] &&
    percpu.is_lazy[cpu] === 0 &&
    percpu.loaded_gen[cpu] === mms.tlb_gen[mm] &&
    mm !== INIT_MM
  );
}

/** flush_tlb_mm_range() of one page, where it is that, but for the flush. */
export function flushed_one_here(k: Linux, cpu: number, mm: number): void {
  const { percpu, mms, hist } = k;
  percpu.loaded_gen[cpu] = ++mms.tlb_gen[mm]!;
  k.ledger.count(cpu, EV.tlb_flush_local_mm_shootdown, 1);
  hist.tlb_flush[FLUSH_SIZES + 1] = hist.tlb_flush[FLUSH_SIZES + 1]! + 1;
}

/** Bring this CPU up to the loaded mm's generation: page by page if that is one flush ahead, otherwise all. */
export function flush_tlb_func(
  k: Linux,
  cpu: number,
  start: number,
  end: number,
  stride: number,
  new_tlb_gen: number,
): void {
  const { percpu, mms } = k;
  const loaded_mm = percpu.loaded_mm[cpu]!;
  const local_tlb_gen = percpu.loaded_gen[cpu]!;
  const mm_tlb_gen = mms.tlb_gen[loaded_mm]!;
  if (loaded_mm === INIT_MM) return;
  if (percpu.is_lazy[cpu] !== 0) {
    leave_mm(k, cpu);
    return;
  }
  if (new_tlb_gen <= local_tlb_gen) return;
  let row = FLUSH_ALL_ROW;
  percpu.loaded_gen[cpu] = mm_tlb_gen; // before the flush, as nobody else looks at it
  if (end !== TLB_FLUSH_ALL && new_tlb_gen === local_tlb_gen + 1 && new_tlb_gen === mm_tlb_gen) {
    k.pv.flush_tlb_user_pages(cpu, start, end, stride);
    row = Math.floor((end - start) / stride); // nr_invalidate: 0 for one page of a longer stride
  } else k.pv.flush_tlb_user(cpu);
  k.ledger.count(cpu, EV.tlb_flush_local_mm_shootdown, 1);
  k.hist.tlb_flush[FLUSH_SIZES + row]!++;
}
