/** `pvtwin mm`: recorded mm scripts on both twins, compared step by step. */
import type { Command } from "commander";
import { BadInput } from "../abi/bad-input.js";
import type { Proposal } from "../abi/proposal.js";
import { loadProposal } from "../experiments/evaluate.js";
import type { Difference } from "../experiments/mm-script/compare.js";
import { playScripts, type MmReport } from "../experiments/mm-script/play-scripts.js";
import { explainStep } from "../experiments/mm-script/explain.js";
import { predictScripts } from "../experiments/mm-script/predict.js";
import { writeOutput } from "../experiments/write-output.js";

interface Flags {
  readonly json: boolean;
  readonly explain: boolean;
  readonly step?: string;
  readonly proposal?: string;
  readonly predict?: string;
}

/** Differences shown or reported, of possibly many. */
const FIRST = 60;

export function register(program: Command): void {
  program
    .command("mm")
    .description("Play recorded mm scripts on both twins, and compare every counter")
    .argument("<file...>", "scripts with what was recorded, one JSON document a line")
    .option("--json", "print one JSON document, and nothing else", false)
    .option("--step <script:step>", "only this step")
    .option("--explain", "with --step: each pv-op and hypercall, and the function that caused it", false)
    .option("--proposal <name>", "Linux and Xen of this proposal (a name, or a YAML file) instead of today's")
    .option("--predict <file>", "write what the twins counted, in the form of the recordings", undefined)
    .addHelpText(
      "after",
      "\nExample:\n  pvtwin mm test/data/linux-6.1-pv/visible.jsonl.gz --step fork_cow:3 --explain\n",
    )
    .action((files: string[], flags: Flags) => {
      const proposals = proposalsOf(flags.proposal);
      const only = flags.step === undefined ? undefined : parseStep(flags.step);
      if (flags.explain && only === undefined)
        throw new BadInput("--explain", "", "needs one step to explain", "add --step SCRIPT:NUMBER");
      if (flags.predict !== undefined) writeOutput(flags.predict, predictScripts(files, proposals.shared));
      const report = playScripts(files, proposals, only);
      const story = flags.explain ? explainStep(files, only!, proposals.shared) : [];
      process.stdout.write(flags.json ? json(report, story) : text(report, story));
      process.exitCode = report.differences.length === 0 ? 0 : 1;
    });
}

/** What is played, and its XPTI twin: a proposal of one's own has none, and is played twice. */
function proposalsOf(named: string | undefined): { shared: Proposal; xpti: Proposal } {
  if (named === undefined) return { shared: loadProposal("shared"), xpti: loadProposal("xpti") };
  const proposal = loadProposal(named);
  return { shared: proposal, xpti: proposal };
}

function parseStep(text: string): { script: string; step: number } {
  const colon = text.lastIndexOf(":");
  const number = text.slice(colon + 1);
  if (colon <= 0 || !/^\d+$/.test(number))
    throw new BadInput("--step", text, "names no step", "give SCRIPT:NUMBER, as in fork_cow:3");
  return { script: text.slice(0, colon), step: Number(number) };
}

function json(report: MmReport, story: readonly string[]): string {
  const { scripts, steps, counters, stable, unstable, cr3, cr3Xpti, differences } = report;
  const document = {
    scripts,
    steps,
    counters,
    stable,
    unstable,
    instructions: { cr3_write: cr3 },
    instructions_xpti: { cr3_write: cr3Xpti },
    differences: differences.length,
    first: differences.slice(0, FIRST),
    ...(story.length > 0 ? { explain: story } : {}),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function text(report: MmReport, story: readonly string[]): string {
  const { stable, unstable, cr3, cr3Xpti, differences } = report;
  const lines = [...story, `${report.scripts} scripts, ${report.steps} steps`, ""];
  lines.push(row("counter", "compared", "exact", "recorded", "modelled"));
  for (const [name, score] of Object.entries(report.counters))
    lines.push(row(name, score.compared, score.exact, score.recorded, score.modelled));
  lines.push("", row("where all recordings agree", stable.compared, stable.exact));
  lines.push(row("within the recorded range", unstable.compared, unstable.exact));
  for (const [name, score] of [
    ["CR3 writes, XPTI off", cr3],
    ["CR3 writes, XPTI on", cr3Xpti],
  ] as const) {
    lines.push(`${row(name, score.compared, score.exact)}, ${score.interrupted} more with interrupts`);
  }
  if (differences.length > 0) lines.push("", `${differences.length} differences; the first:`);
  for (const d of differences.slice(0, FIRST)) lines.push(differenceLine(d));
  return `${lines.join("\n")}\n`;
}

function differenceLine(d: Difference): string {
  const recorded = typeof d.recorded === "number" ? String(d.recorded) : d.recorded.join("..");
  return `${d.script}:${d.step} ${d.op} (${d.window}) ${d.counter}: recorded ${recorded}, modelled ${d.modelled}`;
}

function row(name: string, ...cells: (string | number)[]): string {
  return name.padEnd(32) + cells.map((cell) => String(cell).padStart(12)).join("");
}
