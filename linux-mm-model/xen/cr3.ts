/**
 * Loading %cr3, and getting every CPU off the tables of a dying mm.
 *
 * One hypercall loads the kernel-mode and the user-mode L4. In lazy CPU mode it waits in the buffer, so a CPU
 * has two values: the one that was asked for, and the one that Xen has loaded.
 *
 * Mirrors: xen_write_cr3(), xen_drop_mm_ref(), xen_exit_mmap(), arch/x86/xen/mmu_pv.c.
 */
import { EV } from "../../abi/events.js";
import type { Linux } from "../linux.js";
import { PARAVIRT_LAZY_CPU } from "../percpu.js";
import { leave_mm } from "../tlb.js";
import {
  CB_set_current_cr3,
  xen_mc_batch,
  xen_mc_callback,
  xen_mc_flush,
  xen_mc_issue,
} from "./multicalls.js";
import { xen_pgd_unpin } from "./pgd-pin.js";
import { xen_page_pinned } from "./set-entries.js";

/**
 * Load the tables of `mm` whose logical CR3 is `pgd`: kernel mode and user mode. What becomes of Xen's base
 * pointers is the top-level design's business; xen_cr3 and xen_current_cr3 hold the logical value.
 */
export function xen_write_cr3(k: Linux, cpu: number, mm: number, pgd: number): void {
  xen_mc_batch(k, cpu);
  k.percpu.xen_cr3[cpu] = pgd;
  k.ledger.count(cpu, EV.write_cr3_kernel, 1);
  k.ledger.count(cpu, EV.write_cr3_user, 1);
  k.top.load(k, cpu, mm, pgd);
  xen_mc_callback(k, cpu, CB_set_current_cr3, pgd);
  xen_mc_issue(k, cpu, PARAVIRT_LAZY_CPU);
}

/** The last user of `mm` has gone: force all CPUs off its tables and unpin them. */
export function xen_exit_mmap(k: Linux, cpu: number, mm: number): void {
  xen_drop_mm_ref(k, cpu, mm);
  k.top.unpin(k, cpu, mm);
  if (xen_page_pinned(k, k.mms.pgd[mm]!)) xen_pgd_unpin(k, cpu, mm);
}

/** Make every CPU that still has a table of `mm` in %cr3 load another. */
export function xen_drop_mm_ref(k: Linux, cpu: number, mm: number): void {
  drop_mm_ref_this_cpu(k, cpu, mm);
  const { online, xen_current_cr3 } = k.percpu;
  for (let other = 0; other < k.config.nrCpus; other++) {
    if (other === cpu || online[other] === 0 || !k.top.belongs(k, mm, xen_current_cr3[other]!)) continue;
    smp_call_function(k, cpu, other, (there) => drop_mm_ref_this_cpu(k, there, mm));
  }
}

function drop_mm_ref_this_cpu(k: Linux, cpu: number, mm: number): void {
  if (k.percpu.loaded_mm[cpu] === mm) leave_mm(k, cpu);
  if (k.top.belongs(k, mm, k.percpu.xen_current_cr3[cpu]!)) xen_mc_flush(k, cpu);
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
