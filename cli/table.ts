/**
 * The table that `evaluate` prints: proposals as rows, and for each recording the difference against the baseline.
 *
 * Recordings that do not fit side by side follow below, each block with the proposals' names. Colour tells
 * nothing that a word does not.
 */
import type { CostResult, Evaluation, ProposalResult, Verdict } from "../experiments/results.js";
import { signedPercent, signedSi, si } from "./numbers.js";
import { openQuestionLines } from "./open-questions.js";
import { wrap } from "./wrap.js";

export interface TableOptions {
  /** Columns of the terminal. */
  readonly width: number;
  readonly colour: boolean;
}

const LABELS: Record<Verdict, string> = {
  keeps: "keeps",
  "guest-mode-only": "guest mode only",
  breaks: "breaks",
};

/** SGR codes: green, yellow, red. */
const COLOURS: Record<Verdict, number> = { keeps: 32, "guest-mode-only": 33, breaks: 31 };

const GAP = "  ";

/** The table, with a newline at its end. */
export function renderTable(evaluation: Evaluation, options: TableOptions = ofTerminal()): string {
  const { baseline, proposals, workloads, profile } = evaluation;
  const names = ["proposal", ...proposals.map(({ name }) => name)];
  const verdicts = ["promise", ...proposals.map(({ verdict }) => LABELS[verdict])];
  const columns = workloads.map((workload, w) => [
    printable(workload.name) + (workload.lowerBound ? " (>=)" : ""),
    ...costColumn(proposals, w, baseline, profile.unit),
  ]);

  const blocks = inBlocks(
    [alignLeft(names)],
    [alignLeft(verdicts), ...columns.map(alignRight)],
    options.width,
  );
  const text = blocks.map((block) => rows(block, proposals, options.colour)).join("\n");
  return `${text}\n${reasons(proposals, options)}${openQuestionLines(evaluation, options.width)}${patches(proposals)}${footnotes(evaluation)}`;
}

/** What the terminal can show; a file or a pipe gets 100 columns and no colour. */
function ofTerminal(): TableOptions {
  const { isTTY, columns } = process.stdout;
  const plain = process.env.NO_COLOR !== undefined && process.env.NO_COLOR !== "";
  return isTTY ? { width: columns, colour: !plain } : { width: 100, colour: false };
}

function costColumn(
  proposals: readonly ProposalResult[],
  w: number,
  baseline: string,
  unit: string,
): string[] {
  const cells = proposals.map(({ name, cost }) => cellOf(cost[w], name === baseline, unit));
  const parts = [0, 1, 2].map((part) =>
    alignRight(cells.map((cell) => (cell.length === 3 ? cell[part]! : ""))),
  );
  return cells.map((cell, i) => (cell.length === 3 ? parts.map((column) => column[i]).join(" ") : cell[0]!));
}

/** Cycles, percent and range, to be aligned by themselves; or one text. */
function cellOf(cost: CostResult | undefined, isBaseline: boolean, unit: string): string[] {
  if (cost === undefined) return ["-"];
  if (isBaseline) return [`${si(cost.cycles.likely)} ${unit}`];
  const { cycles, percent } = cost.versus;
  return [
    signedSi(cycles.likely),
    signedPercent(percent.likely),
    `[${bare(percent.low)}..${bare(percent.high)}]`,
  ];
}

/** In a range the unit is that of the number before it. */
function bare(percent: number): string {
  return signedPercent(percent).replace(" %", "");
}

/** Names come from files; what could command a terminal is not sent to it. */
function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\0-\x1f\x7f-\x9f]/g, "?");
}

function alignLeft(cells: readonly string[]): string[] {
  const width = Math.max(...cells.map((cell) => cell.length));
  return cells.map((cell) => cell.padEnd(width));
}

function alignRight(cells: readonly string[]): string[] {
  const width = Math.max(...cells.map((cell) => cell.length));
  return cells.map((cell) => cell.padStart(width));
}

function widthOf(columns: readonly (readonly string[])[]): number {
  return columns.reduce((sum, column) => sum + column[0]!.length + GAP.length, 0);
}

/** Columns side by side as far as they fit, at least one in a block; each block begins with `head`. */
function inBlocks(head: string[][], columns: string[][], width: number): string[][][] {
  const blocks: string[][][] = [];
  for (const column of columns) {
    const last = blocks.at(-1);
    if (last !== undefined && widthOf([...last, column]) - GAP.length <= width) last.push(column);
    else blocks.push([...head, column]);
  }
  return blocks;
}

function rows(columns: readonly string[][], proposals: readonly ProposalResult[], colour: boolean): string {
  return ["", ...proposals]
    .map((_, row) => {
      const line = columns
        .map((column) => column[row]!)
        .join(GAP)
        .trimEnd();
      if (!colour) return `${line}\n`;
      if (row === 0) return `${paint(line, 1)}\n`;
      const { verdict } = proposals[row - 1]!;
      return `${line.replace(`${GAP}${LABELS[verdict]}`, (cell) => paint(cell, COLOURS[verdict]))}\n`;
    })
    .join("");
}

function paint(text: string, code: number): string {
  return `\x1b[${code}m${text}\x1b[0m`;
}

function reasons(proposals: readonly ProposalResult[], { width }: TableOptions): string {
  const names = alignLeft(proposals.map(({ name }) => name));
  return proposals
    .map(({ reason }, i) => {
      const indent = " ".repeat(names[i]!.length + GAP.length);
      const lines = wrap(printable(reason), Math.max(30, width - indent.length));
      return `${names[i]}${GAP}${lines.join(`\n${indent}`)}\n`;
    })
    .join("");
}

/** What the patches of each proposal touch, a line for each tree; nothing where no tree was named. */
function patches(proposals: readonly ProposalResult[]): string {
  const lines = proposals.flatMap(({ name, patches: series }) =>
    (series ?? []).map(({ base, patches, files, insertions, deletions, functions, recipients, layers }) => {
      const parts = layers.map(({ layer, files }) => `${layer} ${files}`).join(", ");
      return (
        `${name} on ${base}: ${patches} patches, ${files} files (${parts}), +${insertions} -${deletions}, ` +
        `${functions} functions changed, ${recipients} recipients\n`
      );
    }),
  );
  return lines.length === 0 ? "" : `\n${lines.join("")}`;
}

function footnotes({ baseline, profile, workloads }: Evaluation): string {
  const lines = [
    `${profile.unit === "cycles" ? "Cycles" : "Instructions"} against ${baseline}, likely, with percent [low..high] of its ${profile.unit}; profile ${profile.name}.`,
    ...(workloads.some(({ lowerBound }) => lowerBound)
      ? ["(>=): recorded without raw_syscalls:sys_enter, so the cost of XPTI is a lower bound."]
      : []),
  ];
  return `\n${lines.join("\n")}\n`;
}
