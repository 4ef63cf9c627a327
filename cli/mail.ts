/** `evaluate --mail`: the evaluation in at most 72 columns of plain text, to paste into a mail. */
import { openQuestions } from "../experiments/open-questions.js";
import type { CostResult, Evaluation, ProposalResult, Verdict } from "../experiments/results.js";
import { exact, signedPercent, si } from "./numbers.js";
import { wrap } from "./wrap.js";

/** What netiquette on the lists leaves room for, quoting included. */
const WIDTH = 72;
/** Comparisons left open that are told; the least decided ones. */
const OPEN = 5;

const WORDS: Record<Verdict, string> = {
  keeps: "keeps it",
  "guest-mode-only": "guest mode only",
  breaks: "breaks it",
};

/** The text, with a newline at its end. */
export function renderMail(evaluation: Evaluation): string {
  const { proposals, workloads, baseline, profile, draws, seed, pvtwin } = evaluation;
  const lines = [
    ...wrap("Promise: no two pCPUs have the same L4 in %cr3, under ordinary guest work.", WIDTH),
    "",
    ...verdicts(proposals),
    "",
    ...wrap(
      `Cost: ${profile.unit} more than ${baseline}, in percent of its, likely and [least .. most]; profile ${profile.name} (${profile.title}).`,
      WIDTH,
    ),
  ];
  workloads.forEach(({ name, events, lowerBound }, w) => {
    const bound = lowerBound ? "; a lower bound for XPTI: no system calls recorded" : "";
    lines.push("", ...wrap(`${name} (${exact(events)} events${bound}):`, WIDTH));
    for (const proposal of proposals) lines.push(...costLine(proposal, proposal.cost[w]!, baseline));
  });
  const open = openQuestions(evaluation).sort((x, y) => x.share - y.share);
  if (open.length > 0) {
    const title = `Not decided by all of ${exact(draws)} draws of the prices (seed ${seed}):`;
    lines.push("", ...wrap(title, WIDTH));
    for (const { workload, cheaper, than, share } of open.slice(0, OPEN))
      lines.push(...item(`${workload}: ${cheaper} below ${than} in ${Math.floor(100 * share)} %`));
    if (open.length > OPEN) lines.push(...item(`${open.length - OPEN} more, each more decided`));
  }
  lines.push("", "Not in the numbers:", ...evaluation.notModelled.flatMap(item), "");
  lines.push(`pvtwin ${pvtwin}`);
  return `${lines.join("\n")}\n`;
}

function verdicts(proposals: readonly ProposalResult[]): string[] {
  return proposals.flatMap(({ name, verdict }) => entry(name, WORDS[verdict]));
}

function costLine({ name }: ProposalResult, { cycles, versus }: CostResult, baseline: string): string[] {
  const { percent } = versus;
  const bare = (n: number) => signedPercent(n).replace(" %", "");
  const cost =
    name === baseline
      ? si(cycles.likely)
      : `${signedPercent(percent.likely)} [${bare(percent.low)} .. ${bare(percent.high)}]`;
  return entry(name, cost);
}

/** A name and what is said of it, in columns; on two lines where one is too short. */
function entry(name: string, text: string): string[] {
  const line = `  ${name.padEnd(30)} ${text}`;
  return line.length <= WIDTH ? [line] : [`  ${name}`, `${" ".repeat(33)}${text}`];
}

function item(text: string): string[] {
  return wrap(text, WIDTH - 4).map((line, i) => `${i === 0 ? "  - " : "    "}${line}`);
}
