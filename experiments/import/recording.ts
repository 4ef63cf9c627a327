/**
 * A recording held in memory, so that several simulations share one import.
 */
import { EventChunk, KIND, Strings } from "./event.js";
import { importTrace, type ImportOptions, type ImportReport } from "./import-trace.js";

export interface Recording {
  readonly file: string;
  readonly chunks: readonly EventChunk[];
  readonly strings: Strings;
  readonly report: ImportReport;
  /** Events, that is lines; strace's calls become two rows each. */
  readonly events: number;
  readonly seconds: number;
  /** Highest CPU number + 1. */
  readonly cpus: number;
  readonly counts: { readonly sys_enter: number; readonly faults: number; readonly switches: number };
}

/** Read all of `file`. Errors: BadInput where nothing can be used. */
export async function readRecording(file: string, options: ImportOptions = {}): Promise<Recording> {
  const chunks: EventChunk[] = [];
  const strings = options.strings ?? new Strings();
  const counts = { sys_enter: 0, faults: 0, switches: 0 };
  let cpus = 1;
  const report = await importTrace(file, { ...options, strings }, (chunk) => {
    chunks.push(chunk);
    for (let i = 0; i < chunk.n; i++) {
      const kind = chunk.kind[i]!;
      if (kind === KIND.sys_enter) counts.sys_enter++;
      else if (kind === KIND.page_fault_user || kind === KIND.page_fault_kernel) counts.faults++;
      else if (kind === KIND.sched_switch) counts.switches++;
      if (chunk.cpu[i]! >= cpus) cpus = chunk.cpu[i]! + 1;
    }
    return new EventChunk();
  });
  const seconds = Math.round((report.lastTime - report.firstTime) / 1e3) / 1e6;
  return { file, chunks, strings, report, events: report.events, seconds, cpus, counts };
}
