/**
 * What a window of a step counted, by the names of the recordings.
 */
import { CAUSE, type EventCounts } from "../../abi/ledger.js";
import type { EventName } from "../../abi/events.js";
import type { Machine } from "../../machine/machine.js";

export type Counts = Readonly<Record<string, number>>;

export interface ModelledWindow {
  readonly counters: Partial<Record<EventName, number>>;
  readonly hist_mc_flush: Counts;
  readonly hist_flush_tlb_multi: Counts;
  readonly hist_tlb_flush: Counts;
  /** CR3 writes on both CPUs, kernel threads included. */
  readonly cr3_write: number;
  readonly iretq: number;
  /** All events on both CPUs, kernel threads included: what Xen's executed instructions are made of. */
  readonly executed: EventCounts;
}

/** Count from here. */
export function openWindow(machine: Machine): void {
  machine.ledger.clear();
  machine.linux.hist.clear();
}

/** What was counted since openWindow(), but for what other CPUs would have done, and kernel threads. */
export function closeWindow(machine: Machine): ModelledWindow {
  const { hist } = machine.linux;
  const { ledger } = machine;
  const counters = ledger.collect(undefined, CAUSE.rcu, CAUSE.kthread);
  const here = ledger.collect(undefined, CAUSE.rcu);
  // a PTE of the kernel is a call of its own, which the recordings keep apart
  const kernel = counters.set_pte_kernel ?? 0;
  if (kernel > 0) {
    counters.mmu_update_kernel = kernel;
    counters.mmu_update = (counters.mmu_update ?? 0) - kernel;
    counters.mmu_update_items = (counters.mmu_update_items ?? 0) - kernel;
  }
  return {
    counters,
    hist_mc_flush: hist.collectMcFlush(),
    hist_flush_tlb_multi: hist.collectFlushTlbMulti(),
    hist_tlb_flush: hist.collectTlbFlush(),
    cr3_write: here.cr3_write ?? 0,
    iretq: here.iretq ?? 0,
    executed: here,
  };
}
