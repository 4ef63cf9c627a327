/**
 * The cover letter: the notes in order, with the tables of an evaluation, the footprint, and how to measure it again.
 *
 * In the notes, `{cost PROPOSAL WORKLOAD}`, `{promise PROPOSAL}`, `{memory PROPOSAL WORKLOAD}`, `{lines}`, `{files}`,
 * `{recipients}`, `{touched}` and `{outside}` stand for numbers of the evaluation and the footprint, so that no number is claimed that
 * nobody measured. `{oldguest PROPOSAL}` is what the evaluation says of a guest without the feature. An item of a list that
 * begins with `(Linux)` or `(Xen)` stands in that side's letter only.
 */
import { BadInput } from "../abi/bad-input.js";
import { diffstat } from "./diffstat.js";
import type { Footprint } from "./footprint.js";
import type { Hook } from "./hooks.js";
import { renderMail } from "./mail.js";
import type { Measured, MeasuredProposal } from "./measured.js";
import type { Notes, Side } from "./notes.js";
import {
  created,
  patchFile,
  place,
  prefixOf,
  type MailOptions,
  type RenderedSeries,
} from "./render-series.js";
import type { Project } from "./source-tree.js";
import { aligned, filled } from "./wrap.js";

/** Headings of notes.md, in the order of the letter. The first has none there: its text opens the letter. */
export const SECTIONS = [
  "Problem",
  "ABI",
  "What Linux does",
  "What Xen does",
  "Without the feature",
  "Objections",
  "Checks",
  "Limitations",
] as const;

export interface CoverParts {
  readonly notes: Notes;
  readonly side: Side;
  readonly series: RenderedSeries;
  readonly footprint: Footprint;
  readonly hooks: readonly Hook[];
  /** Undefined: the letter says what to run instead. */
  readonly measured: Measured | undefined;
  /** Changes since an older version of the notes; empty for the first. */
  readonly changelog: string;
  readonly rangeDiff: string;
}

/** The text of 0000-cover-letter.patch. */
export function renderCoverLetter(parts: CoverParts, options: MailOptions): string {
  const { side, series } = parts;
  const files = series.changes.map((change) => patchFile(series.project, change));
  const blocks = [
    ...SECTIONS.slice(0, 5).map((name) => section(parts, name)),
    results(parts),
    rejected(parts),
    ...SECTIONS.slice(5, 7).map((name) => section(parts, name)),
    touched(parts),
    section(parts, "Limitations"),
    reproduction(parts),
    parts.changelog === "" ? "" : `Changes since the last version\n\n${parts.changelog}`,
    shortlog(series, options.author),
    [...diffstat(files), ...created(files)].join("\n"),
    parts.rangeDiff === "" ? "" : `Range-diff against the last version:\n${parts.rangeDiff}`,
    baseOf(series),
  ];
  const subject = `[${prefixOf(options)} ${place(0, series.patches.length)}] ${side.title}`;
  const body = blocks.filter((block) => block !== "").join("\n\n");
  return renderMail(
    { from: options.author, date: options.date, subject, body, below: "", diff: "" },
    options.signature,
  );
}

function section(parts: CoverParts, name: (typeof SECTIONS)[number]): string {
  const text = parts.notes.sections.get(name);
  if (text === undefined || text === "") return "";
  const said = filled(withNumbers(ofSide(text, parts.series.project), parts));
  return name === "Problem" ? said : `${underlined(name)}\n\n${said}`;
}

/** `text` without the list items of the other side, and without the marks of this one. */
function ofSide(text: string, project: Project): string {
  const [own, other] = project === "linux" ? ["Linux", "Xen"] : ["Xen", "Linux"];
  return text
    .split(/^(?=- )/m)
    .filter((item) => !item.startsWith(`- (${other}) `))
    .map((item) => item.replace(`- (${own}) `, "- "))
    .join("");
}

const underlined = (heading: string): string => `${heading}\n${"=".repeat(heading.length)}`;

/** `text` with what stands in braces replaced. Errors: BadInput for a name that the evaluation does not have. */
function withNumbers(text: string, { measured, footprint, notes }: CoverParts): string {
  const file = `notes of ${notes.proposal}`;
  const outside = footprint.layers
    .filter(({ layer }) => !INSIDE.has(layer))
    .reduce((sum, { files }) => sum + files, 0);
  return text.replace(/\{([a-z]+)((?:\s+[\w.-]+)*)\}/g, (whole, kind: string, rest: string) => {
    const [name = "", workload = ""] = rest.trim().split(/\s+/);
    if (kind === "lines") return `${footprint.insertions + footprint.deletions}`;
    if (kind === "files") return `${footprint.files}`;
    if (kind === "touched") return `${footprint.functions}`;
    if (kind === "outside") return `${outside}`;
    if (kind === "recipients") return `${footprint.recipients.length}`;
    if (!["cost", "promise", "memory", "oldguest"].includes(kind)) {
      throw new BadInput(file, whole, "is no number that there is", "see patches-notes/cover-letter.ts");
    }
    if (measured === undefined) return "(not measured)";
    const proposal = measured.proposals.find((candidate) => candidate.name === name);
    if (proposal === undefined) return "(not measured)";
    if (kind === "promise") return proposal.verdict;
    if (kind === "oldguest") return proposal.oldGuest;
    const value = kind === "cost" ? costOf(proposal, workload) : memoryOf(proposal, workload);
    return value ?? "(not measured)";
  });
}

/** Layers whose maintainers are Xen's. */
const INSIDE = new Set([
  "arch/x86/xen",
  "xen interface",
  "documentation",
  "public headers",
  "xen/arch/x86",
  "xen/common",
  "toolstack",
]);

function costOf(proposal: MeasuredProposal, workload: string): string | undefined {
  const cost = proposal.costs.find((candidate) => candidate.workload === workload);
  if (cost === undefined) return undefined;
  const { low, likely, high } = cost.percent;
  return `${signed(likely)}% [${signed(low)}..${signed(high)}]`;
}

function memoryOf(proposal: MeasuredProposal, workload: string): string | undefined {
  const memory = proposal.memory.find((candidate) => candidate.workload === workload);
  return memory === undefined ? undefined : `${Math.round((memory.guest + memory.xen) / 1024)} KiB`;
}

/** Three significant digits, always with a sign. */
export function signed(n: number): string {
  const digits = Math.abs(n) >= 100 ? 0 : Math.abs(n) >= 10 ? 1 : 2;
  return `${n < 0 ? "-" : "+"}${Math.abs(n).toFixed(digits)}`;
}

function results({ measured, notes }: CoverParts): string {
  if (measured === undefined) {
    return `${underlined("Results")}\n\n${filled("Nothing was measured for this letter. Run `pvtwin evaluate --out out`, and give out/results.json with `--evaluation`.")}`;
  }
  const names = [measured.baseline, notes.proposal, ...notes.rejected.map(({ proposal }) => proposal)];
  const rows = [...new Set(names)].flatMap((name) =>
    measured.proposals.filter((proposal) => proposal.name === name),
  );
  const blocks = [
    underlined("Results"),
    filled(
      `Cycles that Xen and the processor spend on the pagetable work and mode switches of recorded programs, ` +
        `in percent of ${measured.baseline}; in brackets, what the cost profile ${measured.profile} leaves open. ` +
        `Promise: no two pCPUs with one L4 in %cr3. Measured with`,
    ),
    `    ${measured.command}`,
    aligned([["proposal", "promise"], ...rows.map(({ name, verdict }) => [name, verdict])]),
    ...measured.workloads.map(({ name, events }) =>
      aligned([
        [name, "likely %", "low", "high", "tables KiB"],
        ...rows.map((proposal) => costRow(proposal, name)),
        [`(${events} events)`],
      ]),
    ),
  ];
  return blocks.join("\n\n");
}

function costRow(proposal: MeasuredProposal, workload: string): string[] {
  const cost = proposal.costs.find((candidate) => candidate.workload === workload);
  const memory = memoryOf(proposal, workload)?.replace(" KiB", "") ?? "-";
  if (cost === undefined) return [proposal.name, "-", "-", "-", memory];
  const { likely, low, high } = cost.percent;
  return [proposal.name, signed(likely), signed(low), signed(high), memory];
}

function rejected(parts: CoverParts): string {
  const { notes } = parts;
  if (notes.rejected.length === 0) return "";
  const lines = notes.rejected.map(
    ({ proposal, because }) => `- ${proposal}: ${withNumbers(because, parts)}`,
  );
  return `${underlined("Alternatives")}\n\n${filled(lines.join("\n"))}`;
}

function touched({ footprint, hooks, series }: CoverParts): string {
  const table = aligned([
    ["layer", "files", "+", "-", "functions"],
    ...footprint.layers.map(({ layer, files, insertions, deletions, functions }) =>
      [layer, files, insertions, deletions, functions].map(String),
    ),
  ]);
  const blocks = [underlined("What is touched"), table];
  if (hooks.length > 0) {
    const count = (coverage: string): number => hooks.filter((hook) => hook.coverage === coverage).length;
    const both = hooks.filter(({ coverage }) => coverage === "modelled and touched").map(({ hook }) => hook);
    blocks.push(
      filled(
        `Of ${hooks.length} places where such a change can have to attach, this touches ` +
          `${count("modelled and touched") + count("touched")}, and the model has ` +
          `${count("modelled and touched") + count("modelled")}. Both: ${both.join(", ")}.`,
      ),
    );
  }
  blocks.push(filled(`${footprint.recipients.length} recipients by MAINTAINERS of ${series.base}.`));
  return blocks.join("\n\n");
}

function reproduction({ notes, series }: CoverParts): string {
  const option = series.project === "linux" ? "--linux linux-source" : "--xen xen";
  return [
    underlined("Reproduction"),
    [
      "    pvtwin evaluate --out out",
      `    pvtwin patches ${notes.proposal} ${option} \\`,
      "        --evaluation out/results.json --out series",
    ].join("\n"),
  ].join("\n\n");
}

function shortlog({ patches }: RenderedSeries, author: string): string {
  const name = author.replace(/ <.*$/, "");
  return [`${name} (${patches.length}):`, ...patches.map(({ subject }) => `  ${subject}`)].join("\n");
}

function baseOf({ base, commit }: RenderedSeries): string {
  return commit === undefined ? `base: ${base}` : `base: ${base}\nbase-commit: ${commit}`;
}
