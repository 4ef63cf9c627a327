/**
 * What a window of a step counted, by the names of the recordings.
 */
import type { EventName } from "../../abi/events.js";
import type { Machine } from "../../machine/machine.js";

export type Counts = Readonly<Record<string, number>>;

export interface ModelledWindow {
  readonly counters: Partial<Record<EventName, number>>;
  readonly hist_mc_flush: Counts;
  readonly hist_flush_tlb_multi: Counts;
  readonly hist_tlb_flush: Counts;
}

/** Count from here. */
export function openWindow(machine: Machine): void {
  machine.ledger.clear();
  machine.linux.hist.clear();
}

/** What was counted since openWindow(). */
export function closeWindow(machine: Machine): ModelledWindow {
  const { hist } = machine.linux;
  return {
    counters: machine.ledger.collect(),
    hist_mc_flush: hist.collectMcFlush(),
    hist_flush_tlb_multi: hist.collectFlushTlbMulti(),
    hist_tlb_flush: hist.collectTlbFlush(),
  };
}
