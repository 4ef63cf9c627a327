/**
 * Recorded against modelled, counter by counter and window by window.
 *
 * A window in which all recordings agree is stable: a counter is exact if it is the recorded number. In the others
 * the twin is right anywhere between the least and the most that was recorded. cr3_write was counted apart, by
 * instruction, with XPTI off and on. Interrupts that came meanwhile are in it: with XPTI an interrupt of the guest writes
 * CR3 twice, and each ends in one IRETQ, so that more IRETQs than the twin made bound what they can explain.
 *
 * Differs: counters that timers and wake-ups of the recorded machine move (NOISE) are left out.
 */
import type { Counted, InstructionWindow, RecordedWindow, StepResult } from "./script.js";
import type { Counts, ModelledWindow } from "./windows.js";

/** Never compared: see "Noise" in FORMAT.md. */
export const NOISE: ReadonlySet<string> = new Set([
  "event_channel_op",
  "vcpu_op",
  "sched_op",
  "set_timer_op",
  "xen_version",
  "irq",
  "continuation",
  "iret",
  "set_pte_kernel",
  "mmu_update_kernel",
  "kernel_l1_tables_added",
]);

export interface CounterScore {
  /** Windows in which either side counted anything. */
  compared: number;
  exact: number;
  /** Sums over these windows; the recordings' median where they disagree. */
  recorded: number;
  modelled: number;
}

/** How many of the compared pairs are right. */
export interface Score {
  compared: number;
  exact: number;
}

/** The same of CR3 writes. */
export interface Cr3Score extends Score {
  /** More were recorded, but no more than the interrupts that came meanwhile explain. */
  interrupted: number;
}

export interface Place {
  readonly script: string;
  readonly step: number;
  readonly op: string;
}

export interface Difference extends Place {
  readonly window: "main" | "start";
  readonly counter: string;
  readonly recorded: Counted;
  readonly modelled: number;
  /** Whether the recordings agreed among themselves. */
  readonly stable: boolean;
}

type Where = Place & { readonly window: "main" | "start"; readonly stable: boolean };

/** What the twins counted in a step. */
export interface ModelledStep {
  readonly main: ModelledWindow;
  readonly start?: ModelledWindow;
}

/** The counters of the CR3 writes, which were recorded apart. */
export const CR3_WRITE = "instructions.cr3_write";
export const CR3_WRITE_XPTI = "instructions_xpti.cr3_write";

export class Comparison {
  readonly counters: Record<string, CounterScore> = {};
  readonly differences: Difference[] = [];
  readonly stable: Score = { compared: 0, exact: 0 };
  readonly unstable: Score = { compared: 0, exact: 0 };
  /** Of windows with exact instruction counts: CR3 writes without and with XPTI. */
  readonly cr3: Cr3Score = { compared: 0, exact: 0, interrupted: 0 };
  readonly cr3Xpti: Cr3Score = { compared: 0, exact: 0, interrupted: 0 };

  /** `known` says which of the model's counters the recordings have. */
  constructor(private readonly known: ReadonlySet<string>) {}

  /**
   * Compare one step; `xpti` is the same step on a machine whose Xen isolates its pagetables. Counters that were
   * `notRecorded` are left out.
   */
  step(
    place: Place,
    result: StepResult,
    played: ModelledStep,
    xpti: ModelledStep,
    notRecorded: readonly string[] = [],
  ): void {
    for (const window of ["main", "start"] as const) {
      const modelled = played[window];
      const where = { ...place, window };
      const recorded = result[window];
      if (recorded !== undefined && modelled !== undefined) {
        const stable = window === "main" ? result.stable !== false : result.start_stable !== false;
        this.window({ ...where, stable }, recorded, modelled, notRecorded);
      }
      this.cr3Writes(where, CR3_WRITE, this.cr3, result.instructions?.[window], modelled);
      this.cr3Writes(where, CR3_WRITE_XPTI, this.cr3Xpti, result.instructions_xpti?.[window], xpti[window]);
    }
  }

  private window(
    where: Where,
    recorded: RecordedWindow,
    modelled: ModelledWindow,
    notRecorded: readonly string[],
  ): void {
    const flat: Record<string, Counted> = { ...recorded.linux, ...recorded.hypercalls, ...recorded.xen };
    const counters = modelled.counters as Counts;
    for (const name of this.known) {
      if (!notRecorded.includes(name)) this.score(where, name, flat[name] ?? 0, counters[name] ?? 0);
    }
    this.hist(where, "hist_mc_flush", recorded.hist_mc_flush, modelled.hist_mc_flush);
    this.hist(where, "hist_flush_tlb_multi", recorded.hist_flush_tlb_multi, modelled.hist_flush_tlb_multi);
    this.hist(where, "hist_tlb_flush", recorded.hist_tlb_flush, modelled.hist_tlb_flush);
  }

  private hist(where: Where, name: string, recorded: Record<string, Counted>, modelled: Counts): void {
    for (const key of new Set([...Object.keys(recorded), ...Object.keys(modelled)])) {
      this.score(where, `${name}.${key}`, recorded[key] ?? 0, modelled[key] ?? 0, name);
    }
  }

  private cr3Writes(
    where: Omit<Where, "stable">,
    counter: string,
    score: Cr3Score,
    recorded: InstructionWindow | undefined,
    modelled: ModelledWindow | undefined,
  ): void {
    if (recorded === undefined || modelled === undefined) return;
    const counted = recorded.cr3_write;
    const made = modelled.cr3_write;
    const stable = typeof counted === "number";
    score.compared++;
    const exact = this.compare({ ...where, stable }, counter, counted, made, counter);
    if (exact) score.exact++;
    else if (interruptsExplain(recorded, modelled)) {
      score.interrupted++;
      this.differences.pop();
    }
  }

  private score(where: Where, counter: string, recorded: Counted, modelled: number, group = counter): void {
    const [, , high] = rangeOf(recorded);
    if (high === 0 && modelled === 0) return;
    const exact = this.compare(where, counter, recorded, modelled, group);
    const score = where.stable ? this.stable : this.unstable;
    score.compared++;
    if (exact) score.exact++;
  }

  private compare(
    where: Where,
    counter: string,
    recorded: Counted,
    modelled: number,
    group: string,
  ): boolean {
    const [low, median, high] = rangeOf(recorded);
    const exact = modelled >= low && modelled <= high;
    const score = (this.counters[group] ??= { compared: 0, exact: 0, recorded: 0, modelled: 0 });
    score.compared++;
    score.recorded += median;
    score.modelled += modelled;
    if (exact) score.exact++;
    else this.differences.push({ ...where, counter, recorded, modelled });
    return exact;
  }
}

/** Are the writes that the twin did not make those of interrupts, two each at most? */
function interruptsExplain(recorded: InstructionWindow, modelled: ModelledWindow): boolean {
  const [fewest] = rangeOf(recorded.cr3_write);
  const [, , mostIretq] = rangeOf(recorded.iretq);
  const interrupts = mostIretq - modelled.iretq;
  return fewest > modelled.cr3_write && fewest - modelled.cr3_write <= 2 * interrupts;
}

function rangeOf(recorded: Counted): readonly [number, number, number] {
  return typeof recorded === "number" ? [recorded, recorded, recorded] : recorded;
}
