/**
 * A recording held in memory, so that several simulations share one import.
 */
import { EventChunk, KIND, KINDS, Strings } from "./event.js";
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
  const byKind = new Uint32Array(KINDS.length);
  let cpus = 1;
  const report = await importTrace(file, { ...options, strings }, (chunk) => {
    chunks.push(chunk);
    cpus = countRows(chunk, byKind, cpus);
    return new EventChunk();
  });
  const counts = {
    sys_enter: byKind[KIND.sys_enter]!,
    faults: byKind[KIND.page_fault_user]! + byKind[KIND.page_fault_kernel]!,
    switches: byKind[KIND.sched_switch]!,
  };
  const seconds = Math.round((report.lastTime - report.firstTime) / 1e3) / 1e6;
  return { file, chunks, strings, report, events: report.events, seconds, cpus, counts };
}

/** Add the rows of `chunk` to `byKind`. Returns `cpus`, or more where a row has a higher CPU. */
function countRows(chunk: EventChunk, byKind: Uint32Array, cpus: number): number {
  const { n, kind, cpu } = chunk;
  for (let row = 0; row < n; row++) {
    byKind[kind[row]!]!++;
    if (cpu[row]! >= cpus) cpus = cpu[row]! + 1;
  }
  return cpus;
}
