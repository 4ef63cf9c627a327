/**
 * Suspend and resume of the guest: every L4 that Xen types must be one that Linux can name, since the toolstack
 * rewrites the frame numbers in all of them.
 *
 * Mirrors: xen_mm_pin_all(), xen_mm_unpin_all(), arch/x86/xen/mmu_pv.c; xen_suspend(), drivers/xen/manage.c.
 * Differs: the frames stay the same over the resume. A guest that the processor virtualises has none to rewrite.
 */
import { CAUSE } from "../../abi/ledger.js";
import type { Linux } from "../linux.js";
import { INIT_MM } from "../mm-struct.js";

/** Suspend on `cpu` while all other CPUs are stopped; `save` sees the L4s that are saved. Then resume. */
export function xen_suspend(k: Linux, cpu: number, save: (l4s: readonly number[]) => void): void {
  const before = k.ledger.enter(cpu, CAUSE.suspend);
  const saved = xen_mm_pin_all(k, cpu);
  save(pgd_list(k));
  for (const mm of saved) k.pv.pgd_unpin(cpu, mm);
  k.ledger.enter(cpu, before);
}

/** Pin what is not; returns these, to be unpinned on resume. */
function xen_mm_pin_all(k: Linux, cpu: number): number[] {
  const saved: number[] = [];
  for (let mm = INIT_MM + 1; mm < k.mms.max; mm++) {
    if (k.mms.used[mm] === 0 || k.mms.pgd[mm] === 0 || k.mms.pinned[mm] !== 0) continue;
    k.pv.pgd_pin(cpu, mm);
    saved.push(mm);
  }
  return saved;
}

/** All L4s of the guest: references, what a design adds, and the user-mode L4 beside each. */
export function pgd_list(k: Linux): number[] {
  const l4s: number[] = [];
  const add = (pgd: number): void => {
    l4s.push(pgd);
    if (k.pages.private[pgd] !== 0) l4s.push(k.pages.private[pgd]!);
  };
  for (let mm = INIT_MM; mm < k.mms.max; mm++)
    if (k.mms.used[mm] !== 0 && k.mms.pgd[mm] !== 0) add(k.mms.pgd[mm]!);
  k.top.replicas(k, add);
  return l4s;
}
