/**
 * How large the batches and the flushes were: distributions that a counter cannot hold.
 *
 * Mirrors: arguments of the trace points xen_mc_flush, xen_mmu_flush_tlb_multi and tlb_flush, by which
 *          the recordings in test/data/ split these events.
 */
import type { State } from "../../abi/state.js";
import { MC_BATCH } from "./multicalls.js";

/** tlb_single_page_flush_ceiling: a longer range is flushed as a whole. */
export const tlb_single_page_flush_ceiling = 33;

/** Rows by number of pages: 0..33, one for ranges of more pages with a stride, and one for everything. */
export const FLUSH_SIZES = tlb_single_page_flush_ceiling + 3;
export const FLUSH_MORE_ROW = FLUSH_SIZES - 2;
export const FLUSH_ALL_ROW = FLUSH_SIZES - 1;

/**
 * Shape: mc_flush         Float64Array  [calls in the flush] 0..32
 *        flush_tlb_multi  Float64Array  [CPUs in the set][pages, FLUSH_ALL_ROW for all]
 *        tlb_flush        Float64Array  [0 task_switch, 1 local_mm_shootdown][pages, as above]
 */
export class Histograms {
  readonly mc_flush: Float64Array;
  readonly flush_tlb_multi: Float64Array;
  readonly tlb_flush: Float64Array;

  constructor(state: State, nrCpus: number) {
    this.mc_flush = state.f64(MC_BATCH + 1);
    this.flush_tlb_multi = state.f64((nrCpus + 1) * FLUSH_SIZES);
    this.tlb_flush = state.f64(2 * FLUSH_SIZES);
  }

  clear(): void {
    this.mc_flush.fill(0);
    this.flush_tlb_multi.fill(0);
    this.tlb_flush.fill(0);
  }

  /** What was counted so far, to be put back by restore(): what comes in between is not counted. */
  copy(): readonly Float64Array[] {
    return [this.mc_flush.slice(), this.flush_tlb_multi.slice(), this.tlb_flush.slice()];
  }

  restore(counts: readonly Float64Array[]): void {
    this.mc_flush.set(counts[0]!);
    this.flush_tlb_multi.set(counts[1]!);
    this.tlb_flush.set(counts[2]!);
  }

  /** hist_mc_flush as recorded: {"2": 8, "29": 1}. */
  collectMcFlush(): Record<string, number> {
    return named(this.mc_flush, String);
  }

  /** hist_flush_tlb_multi as recorded: {"2cpu:1": 40, "2cpu:all": 1}. */
  collectFlushTlbMulti(): Record<string, number> {
    return named(this.flush_tlb_multi, (i) => `${Math.floor(i / FLUSH_SIZES)}cpu:${pages(i)}`);
  }

  /** hist_tlb_flush as recorded: {"task_switch:all": 2}. */
  collectTlbFlush(): Record<string, number> {
    return named(
      this.tlb_flush,
      (i) => `${i < FLUSH_SIZES ? "task_switch" : "local_mm_shootdown"}:${pages(i)}`,
    );
  }
}

function pages(i: number): string {
  const row = i % FLUSH_SIZES;
  return row === FLUSH_ALL_ROW ? "all" : row === FLUSH_MORE_ROW ? "more" : String(row);
}

function named(counts: Float64Array, name: (i: number) => string): Record<string, number> {
  const result: Record<string, number> = {};
  counts.forEach((n, i) => {
    if (n !== 0) result[name(i)] = n;
  });
  return result;
}
