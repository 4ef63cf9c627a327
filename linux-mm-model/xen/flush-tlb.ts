/**
 * Lazy modes, and the TLB flushes that a PV guest asks Xen for.
 *
 * Mirrors: xen_flush_tlb(), xen_flush_tlb_one_user(), xen_flush_tlb_multi(), xen_leave_lazy_mmu(),
 *          arch/x86/xen/mmu_pv.c; enter_lazy(), leave_lazy(), arch/x86/kernel/paravirt.c.
 */
import { cpumask_weight } from "../../abi/cpumask.js";
import { EV } from "../../abi/events.js";
import { Tally } from "../../abi/ledger.js";
import {
  MMUEXT_INVLPG_LOCAL,
  MMUEXT_INVLPG_MULTI,
  MMUEXT_OP_BYTES,
  MMUEXT_TLB_FLUSH_LOCAL,
  MMUEXT_TLB_FLUSH_MULTI,
  set_vcpumask,
} from "../../abi/mmuext-op.js";
import type { Vpn } from "../../abi/frames.js";
import type { Linux } from "../linux.js";
import { PARAVIRT_LAZY_MMU, PARAVIRT_LAZY_NONE } from "../percpu.js";
import { FLUSH_ALL_ROW, FLUSH_MORE_ROW, FLUSH_SIZES } from "./histograms.js";
import { MULTI_mmuext_op, xen_mc_batch, xen_mc_flush, xen_mc_issue } from "./multicalls.js";

/** End of a range that means everything. Mirrors: TLB_FLUSH_ALL. */
export const TLB_FLUSH_ALL = 0;

/** Lazy MMU mode begins. Mirrors: paravirt_enter_lazy_mmu(). */
export function paravirt_enter_lazy_mmu(k: Linux, cpu: number): void {
  k.percpu.lazy_mode[cpu] = PARAVIRT_LAZY_MMU;
}

/** Lazy MMU mode ends: what was queued is issued. */
export function xen_leave_lazy_mmu(k: Linux, cpu: number): void {
  k.percpu.lazy_mode[cpu] = PARAVIRT_LAZY_NONE; // before the flush, which does not ask
  xen_mc_flush(k, cpu);
}

/** Flush this CPU. */
export function xen_flush_tlb(k: Linux, cpu: number): void {
  xen_mc_batch(k, cpu);
  MULTI_mmuext_op(k, cpu, MMUEXT_OP_BYTES, MMUEXT_TLB_FLUSH_LOCAL, 0);
  xen_mc_issue(k, cpu, PARAVIRT_LAZY_MMU);
}

/**
 * Flush pages start, start + stride, ... below `end` of this CPU; outside lazy modes, with nothing queued. In one piece
 * where Xen has that; test/machine/at-once.test.ts holds that equal to one by one.
 */
export function xen_flush_tlb_user_pages(
  k: Linux,
  cpu: number,
  start: number,
  end: number,
  stride: number,
): void {
  const { hv } = k;
  const n = Math.ceil((end - start) / stride);
  if (k.at_once && hv.flush_pages !== undefined && hv.flush_pages(cpu, start as Vpn, n))
    flushed_tlb_one_user(k, cpu, n);
  else for (let page = start; page < end; page += stride) xen_flush_tlb_one_user(k, cpu, page);
}

/** Flush one page of this CPU. */
function xen_flush_tlb_one_user(k: Linux, cpu: number, page: number): void {
  k.ledger.count(cpu, EV.flush_tlb_one_user, 1);
  xen_mc_batch(k, cpu);
  MULTI_mmuext_op(k, cpu, MMUEXT_OP_BYTES, MMUEXT_INVLPG_LOCAL, 0, page);
  xen_mc_issue(k, cpu, PARAVIRT_LAZY_MMU);
}

const FLUSHED_ONE = Tally.of({
  flush_tlb_one_user: 1,
  mc_batch_none: 1,
  mc_entry: 1,
  mc_entry_mmuext_op: 1,
  mc_issue_mmu: 1,
  mc_flush: 1,
});

/** What xen_flush_tlb_one_user() of `n` pages leaves outside lazy modes and with nothing queued, but for what Xen does: its calls were made. */
export function flushed_tlb_one_user(k: Linux, cpu: number, n: number): void {
  const { ledger, hist } = k;
  const { times } = ledger;
  ledger.times = times * n;
  ledger.countAll(cpu, FLUSHED_ONE);
  ledger.times = times;
  hist.mc_flush[1] = hist.mc_flush[1]! + n;
}

/**
 * Flush the CPUs of mm's cpumask, this one included: one page, or everything. Xen sends the interrupts, so a lazy
 * CPU is not asked whether it needs the flush.
 */
export function xen_flush_tlb_multi(k: Linux, cpu: number, mm: number, start: number, end: number): void {
  const pages = end === TLB_FLUSH_ALL ? FLUSH_ALL_ROW : Math.min(end - start, FLUSH_MORE_ROW);
  k.ledger.count(cpu, EV.flush_tlb_multi, 1);
  const { cpumask, words } = k.mms;
  const at = k.mms.mm_cpumask(mm);
  k.hist.flush_tlb_multi[cpumask_weight(cpumask, at, words) * FLUSH_SIZES + pages]!++;
  xen_mc_batch(k, cpu);
  const bytes = MMUEXT_OP_BYTES + 8 * Math.ceil(words / 2); // the bitmap, of longs, lies behind the op
  if (end !== TLB_FLUSH_ALL && end - start <= 1) {
    MULTI_mmuext_op(k, cpu, bytes, MMUEXT_INVLPG_MULTI, 0, start);
  } else MULTI_mmuext_op(k, cpu, bytes, MMUEXT_TLB_FLUSH_MULTI, 0, 0);
  set_vcpumask(k.mc[cpu]!.calls, cpumask, at, words);
  xen_mc_issue(k, cpu, PARAVIRT_LAZY_MMU);
}
