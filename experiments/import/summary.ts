/**
 * What a recording holds: counts by event, switch, fault and system call, and who used which top-level slots.
 *
 * Fields that a form of recording cannot have are left out (strace: faults, switches, CPUs).
 */
import { basename } from "node:path";
import { Strings } from "./event.js";
import { type ImportOptions, type ImportReport, importTrace } from "./import-trace.js";
import { SummaryCounter } from "./summary-counter.js";
import { summaryOf, type TraceSummary } from "./summary-form.js";

/** Summarize `file`. Errors: as importTrace(). */
export async function summarizeTrace(
  file: string,
  options: ImportOptions = {},
): Promise<{ summary: TraceSummary; report: ImportReport }> {
  const counter = new SummaryCounter(options.strings ?? new Strings());
  const report = await importTrace(file, { ...options, strings: counter.strings }, (chunk) =>
    counter.consume(chunk),
  );
  return { summary: summaryOf(basename(file), report, counter), report };
}
