/** The answer to `evaluate --question same-work`: the two options side by side, and what it comes to, in words. */
import type { SameWork, SameWorkRow } from "../experiments/results.js";
import { exact, signedSi } from "./numbers.js";
import { wrap } from "./wrap.js";

export const SAME_WORK_COLUMNS: readonly (readonly [string, (row: SameWorkRow) => string])[] = [
  ["option", ({ option }) => (option === 1 ? "1 Linux" : "2 Xen")],
  ["syncs", ({ syncOperations }) => exact(syncOperations)],
  ["entries written", ({ entriesWritten }) => exact(entriesWritten)],
  ["compared", ({ entriesCompared }) => exact(entriesCompared)],
  ["L4s audited", ({ tablesAudited }) => exact(tablesAudited)],
  ["flushes", ({ flushes }) => exact(flushes)],
  ["IPIs", ({ ipis }) => exact(ipis)],
  ["cycles", ({ cycles }) => signedSi(cycles)],
];

/** Columns of a line. */
const WIDTH = 100;

/** Tables and sentences, with a newline at the end. */
export function renderSameWork({ claim, answer, workloads }: SameWork): string {
  const blocks = workloads.map(({ workload, rows, answer: said }) => {
    return `${table(workload, rows)}\n${wrap(said, WIDTH).join("\n")}\n`;
  });
  return `"${claim}": ${answer}\n\n${blocks.join("\n")}\n${LEGEND}\n`;
}

function table(workload: string, rows: readonly SameWorkRow[]): string {
  const lines = [
    [workload, ...SAME_WORK_COLUMNS.map(([head]) => head)],
    ...rows.map((row) => [row.proposal, ...SAME_WORK_COLUMNS.map(([, cell]) => cell(row))]),
  ];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const left = (column: number) => column < 2;
  return lines
    .map((line) => line.map((cell, c) => (left(c) ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))))
    .map((cells) => `${cells.join("  ").trimEnd()}\n`)
    .join("");
}

const LEGEND =
  "Beyond shared, which does none of it. syncs: a table brought up to date, by a copy, a fault, a load, or a write to a replica;\nflushes: all of a pCPU's TLB; cycles: likely, of everything that differs.";
