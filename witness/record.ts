/**
 * What the guest recorded of a script, as results of its steps: a line of the ground truth.
 *
 * A block of the console holds the driver's lines ("step NUMBER BEGAN ENDED STARTED", time stamps) and the traces of the CPUs
 * that carried the script, each after a line "@@ cpu N". A step's main window is what happened on these CPUs between
 * BEGAN and ENDED, its start window what did from there to STARTED.
 */
import { BadInput } from "../abi/bad-input.js";
import { groupsOf } from "../experiments/mm-script/play-scripts.js";
import type { MmScript } from "../experiments/mm-script/script.js";
import { CpuCounter, emptyCounts, type Counts, type RecordedCounts } from "./count-events.js";
import { parseTrace, type TraceEvent } from "./ftrace.js";

export interface RecordedStep {
  readonly step: number;
  readonly main: Partial<RecordedCounts>;
  readonly start?: Partial<RecordedCounts>;
}

interface Stamps {
  readonly began: number;
  readonly ended: number;
  readonly started: number;
}

interface Window {
  readonly from: number;
  readonly to: number;
  readonly counts: RecordedCounts;
}

/** The results of `script`, of a block. Errors: BadInput where the guest failed, lost events, or a step is missing. */
export function recordedSteps(script: MmScript, block: string, where: string): RecordedStep[] {
  const parts = block.split(/^@@ cpu \d+\n/m);
  const stamps = stampsOf(parts[0]!, script, where);
  const windows: Window[] = [];
  const results = groupsOf(script).map(([first, last]) => {
    const group = stamps.slice(first, last + 1);
    const main = window(Math.min(...group.map((s) => s.began)), Math.max(...group.map((s) => s.ended)));
    const { ended, started } = stamps[last]!;
    const start = started > 0 ? window(ended, started) : undefined;
    windows.push(main, ...(start === undefined ? [] : [start]));
    return { step: last, main, start };
  });
  for (const part of parts.slice(1)) {
    const { events, lost } = parseTrace(part);
    if (lost > 0)
      throw new BadInput(
        where,
        script.name,
        `lost ${lost} events`,
        "give the trace a larger buffer, or record less",
      );
    countInto(windows, events);
  }
  return results.map(({ step, main, start }) => ({
    step,
    main: compact(main.counts),
    ...(start === undefined ? {} : { start: compact(start.counts) }),
  }));
}

function window(from: number, to: number): Window {
  return { from, to, counts: emptyCounts() };
}

function stampsOf(text: string, script: MmScript, where: string): Stamps[] {
  const failed = /^failed: .*$/m.exec(text);
  if (failed !== null)
    throw new BadInput(where, script.name, `the guest ${failed[0]}`, "see what the console says before it");
  const stamps: Stamps[] = [];
  for (const [, number, began, ended, started] of text.matchAll(/^step (\d+) (\d+) (\d+) (\d+)$/gm))
    stamps[Number(number)] = { began: Number(began), ended: Number(ended), started: Number(started) };
  for (let step = 0; step < script.steps.length; step++) {
    if (stamps[step] === undefined)
      throw new BadInput(where, `${script.name} step ${step}`, "was not played", "see the console");
  }
  return stamps;
}

/** Windows are in order, and one CPU's events are: both are walked once. */
function countInto(windows: readonly Window[], events: readonly TraceEvent[]): void {
  const counter = new CpuCounter((comm) => comm === "player");
  let next = 0;
  for (const event of events) {
    while (next < windows.length && windows[next]!.to < event.time) next++;
    const open = windows[next];
    counter.count(event, open !== undefined && open.from <= event.time ? open.counts : undefined);
  }
}

/** Without what is empty, names sorted. */
function compact(counts: RecordedCounts): Partial<RecordedCounts> {
  const groups = Object.entries(counts) as [keyof RecordedCounts, Counts][];
  return Object.fromEntries(
    groups
      .filter(([, group]) => Object.keys(group).length > 0)
      .map(([name, group]) => [
        name,
        Object.fromEntries(Object.entries(group).sort(([a], [b]) => (a < b ? -1 : 1))),
      ]),
  );
}

/** Several recordings of the same steps as one: a number where all agree, else [min, median, max]. */
export function mergeRuns(runs: readonly RecordedStep[][]): object[] {
  return runs[0]!.map(({ step }, index) => {
    const same = runs.map((run) => run[index]!);
    const main = mergeWindow(same.map((r) => r.main));
    const starts = same.map((r) => r.start);
    const start = starts[0] === undefined ? undefined : mergeWindow(starts.map((s) => s ?? {}));
    return {
      step,
      main: main.window,
      ...(start === undefined ? {} : { start: start.window }),
      stable: main.stable,
      ...(start === undefined ? {} : { start_stable: start.stable }),
    };
  });
}

function mergeWindow(windows: readonly Partial<RecordedCounts>[]): { window: object; stable: boolean } {
  let stable = true;
  const merged: Record<string, Record<string, number | number[]>> = {};
  const groups = new Set(windows.flatMap((w) => Object.keys(w))) as Set<keyof RecordedCounts>;
  for (const group of groups) {
    const names = new Set(windows.flatMap((w) => Object.keys(w[group] ?? {})));
    const into: Record<string, number | number[]> = (merged[group] = {});
    for (const name of [...names].sort()) {
      const values = windows.map((w) => w[group]?.[name] ?? 0).sort((a, b) => a - b);
      const [low, high] = [values[0]!, values.at(-1)!];
      if (low === high) into[name] = low;
      else into[name] = [low, values[values.length >> 1]!, high];
      if (low !== high && !MOVING.has(name)) stable = false;
    }
  }
  return { window: merged, stable };
}

/** Counters that are noise in the recordings too. */
const MOVING: ReadonlySet<string> = new Set(["set_pte_kernel", "mmu_update_kernel"]);
