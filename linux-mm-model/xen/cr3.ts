/**
 * Loading %cr3, and getting every CPU off the tables of a dying mm.
 *
 * One hypercall loads the kernel-mode and the user-mode L4. In lazy CPU mode it waits in the buffer, so a CPU
 * has two values: the one that was asked for, and the one that Xen has loaded.
 *
 * Mirrors: xen_write_cr3(), xen_drop_mm_ref(), xen_exit_mmap(), arch/x86/xen/mmu_pv.c.
 */
import { EV } from "../../abi/events.js";
import { Tally } from "../../abi/ledger.js";
import { DONE, inlined, NEXT, path, type Path, runPath, step } from "../../abi/path.js";
import type { Linux } from "../linux.js";
import { PARAVIRT_LAZY_CPU } from "../percpu.js";
import { drop_pair_steps } from "../top-level/pair.js";
import { CSD_drop_mm_ref, leave_tables_steps } from "./leave-tables.js";
import { CB_set_current_cr3, MC_BATCH, xen_mc_batch, xen_mc_callback, xen_mc_issue } from "./multicalls.js";
import { xen_pgd_unpin } from "./pgd-pin.js";
import { xen_page_pinned } from "./set-entries.js";

/** What a load counts that waits for the end of a context switch. */
const LAZY_LOAD = Tally.frequent({
  mc_batch_cpu: 1,
  write_cr3_kernel: 1,
  write_cr3_user: 1,
  mc_callback: 1,
  mc_issue_cpu: 1,
});

/**
 * Load the tables of `mm` whose logical CR3 is `pgd`: kernel mode and user mode. What becomes of Xen's base
 * pointers is the top-level design's business; xen_cr3 and xen_current_cr3 hold the logical value. In one piece in a context
 * switch; test/machine/by-name.test.ts holds that equal to the plain form.
 */
export function xen_write_cr3(k: Linux, cpu: number, mm: number, pgd: number): void {
  const { cbidx, cb_fn, cb_data } = k.mcLevels;
  if (k.at_once && k.percpu.lazy_mode[cpu] === PARAVIRT_LAZY_CPU && cbidx[cpu] === 0) {
    k.ledger.countAll(cpu, LAZY_LOAD);
    k.percpu.xen_cr3[cpu] = pgd;
    k.top.load(k, cpu, mm, pgd);
    cb_fn[cpu * MC_BATCH] = CB_set_current_cr3;
    cb_data[cpu * MC_BATCH] = pgd;
    cbidx[cpu] = 1;
    return;
  }
  xen_mc_batch(k, cpu);
  k.percpu.xen_cr3[cpu] = pgd;
  k.ledger.count(cpu, EV.write_cr3_kernel, 1);
  k.ledger.count(cpu, EV.write_cr3_user, 1);
  k.top.load(k, cpu, mm, pgd);
  xen_mc_callback(k, cpu, CB_set_current_cr3, pgd);
  xen_mc_issue(k, cpu, PARAVIRT_LAZY_CPU);
}

/** Force all CPUs off the tables of life.mm. */
const drop_mm_ref_steps = leave_tables_steps(CSD_drop_mm_ref, (k, cpu) => k.life.mm[cpu]!);
const xen_drop_mm_ref_path = path("xen_drop_mm_ref", drop_mm_ref_steps);

const UNPIN = drop_mm_ref_steps.length;
const PGD_UNPIN = UNPIN + 1 + drop_pair_steps.length;

/** The last user of life.mm has gone: force all CPUs off its tables, drop the design's L4s, unpin the rest. */
export const xen_exit_mmap_path: Path<Linux> = path("xen_exit_mmap", [
  ...drop_mm_ref_steps,
  step("unpin", (k, cpu) => {
    const pgd = k.top.unpin(k, cpu, k.life.mm[cpu]!);
    k.life.pgd[cpu] = pgd;
    return pgd === 0 ? PGD_UNPIN : NEXT;
  }),
  ...inlined(drop_pair_steps, UNPIN + 1, UNPIN),
  step("xen_pgd_unpin", (k, cpu) => {
    const mm = k.life.mm[cpu]!;
    if (xen_page_pinned(k, k.mms.pgd[mm]!)) xen_pgd_unpin(k, cpu, mm);
    return NEXT;
  }),
]);

export function xen_exit_mmap(k: Linux, cpu: number, mm: number): void {
  k.life.mm[cpu] = mm;
  runPath(xen_exit_mmap_path, k, cpu);
}

/** Make every CPU that still has a table of `mm` in %cr3 load another. */
export function xen_drop_mm_ref(k: Linux, cpu: number, mm: number): void {
  k.life.mm[cpu] = mm;
  runPath(xen_drop_mm_ref_path, k, cpu);
}

/** `task` is off its tables for good: it may have had a pair. */
export const thread_free_path: Path<Linux> = path("thread_free", [
  step("thread_free", (k, cpu) => {
    const pgd = k.top.thread_free(k, k.life.task[cpu]!);
    k.life.pgd[cpu] = pgd;
    return pgd === 0 ? DONE : NEXT;
  }),
  ...inlined(drop_pair_steps, 1, 1 + drop_pair_steps.length),
]);

export function thread_free(k: Linux, cpu: number, task: number): void {
  k.life.task[cpu] = task;
  runPath(thread_free_path, k, cpu);
}

/**
 * Run `work` on `other` for `cpu`, which waits for it.
 * Differs: the interrupt is taken at once; it is counted, its delivery by Xen is not modelled.
 */
export function smp_call_function(k: Linux, cpu: number, other: number, work: (there: number) => void): void {
  const before = k.ledger.enter(other, k.ledger.cause[cpu]!);
  k.ledger.count(other, EV.irq, 1);
  work(other);
  k.ledger.enter(other, before);
}
