/** `pvtwin compat`: which guest boots on which Xen, how, and by which checks. */
import { basename } from "node:path";
import type { Command } from "commander";
import type { Proposal } from "../abi/proposal.js";
import { guestOf } from "../elfnotes/negotiate/guest.js";
import { compatMatrix } from "../elfnotes/negotiate/matrix.js";
import type { Row } from "../elfnotes/negotiate/row.js";
import { XENS } from "../elfnotes/negotiate/xen.js";
import { readImage } from "../elfnotes/read-image.js";

/** The proposal whose flag the 2018 discussion asked for. */
const DEFAULT = "linux-per-thread";

interface Options {
  readonly kernel?: readonly string[];
  readonly proposal: string;
  readonly json: boolean;
}

export function register(program: Command): void {
  program
    .command("compat")
    .description("Show which guests boot on which Xen, how they run there, and why")
    .option(
      "--kernel <image...>",
      "guests in these images, instead of a Linux of today and one with the flag",
    )
    .option("--proposal <name>", "a proposal, or its YAML file", DEFAULT)
    .option("--json", "print one JSON document, and nothing else", false)
    .addHelpText(
      "after",
      "\nExamples:\n  pvtwin compat --proposal linux-per-thread\n" +
        "  pvtwin compat --kernel /boot/vmlinuz-6.1.0-56-amd64 --json\n",
    )
    .action(async (options: Options) => {
      const { loadProposal } = await import("../experiments/evaluate.js");
      const proposal = loadProposal(options.proposal);
      const guests = [];
      for (const file of options.kernel ?? []) {
        guests.push(guestOf(basename(file), await readImage(file), proposal.feature));
      }
      const rows = compatMatrix(proposal, guests);
      const document = { proposal: proposal.name, feature: proposal.feature, rows };
      process.stdout.write(options.json ? `${JSON.stringify(document)}\n` : render(proposal, rows));
    });
}

/**
 * Boots as a table with a column for each Xen, then migrations. Each outcome has the number of its chain of
 * checks, and each check of a chain has its own, so that every text is there once.
 */
function render(proposal: Proposal, rows: readonly Row[]): string {
  const checks = new Numbers("c");
  const chains = new Numbers("");
  const cell = ({ outcome, checks: passed }: Row): string => {
    const numbers = passed.map(({ function: name, file, says }) => checks.of(`${name} ${says} (${file})`));
    return `${outcome.replace(/^boots |:[^]*$/g, "")} [${chains.of(`${outcome}: ${numbers.join(" ")}`)}]`;
  };
  const boots = rows.filter(({ kind }) => kind === "boot");
  const lines = new Map<string, string[]>();
  for (const row of boots) {
    const key = [row.guest, row.flag, row.role, row.available].join("\0");
    lines.set(key, [...(lines.get(key) ?? []), cell(row)]);
  }
  const table = [
    ["guest", "flag", "role", "available", ...XENS.map((xen) => `Xen ${xen}`)],
    ...[...lines].map(([key, cells]) => [...key.split("\0"), ...cells]),
  ];
  const moves = rows.filter(({ kind }) => kind === "migration");
  const moved = [
    ["guest", "flag", "available", "from -> to", "outcome"],
    ...moves.map((row) => [row.guest, row.flag, row.available, row.xen, cell(row)]),
  ];
  return [
    `${proposal.name}: ${flagLine(proposal)}`,
    "",
    ...aligned(table),
    ...(moves.length > 0
      ? ["", "Migration of a guest that knows the flag (away, back, or booted without it first)"]
      : []),
    ...(moves.length > 0 ? aligned(moved) : []),
    ...(moves.length > 0 ? ["", ...lossLines(moves)] : []),
    "",
    "Outcomes, with the checks in their order",
    ...chains.texts.map((text, i) => `[${i + 1}] ${text}`),
    "",
    ...checks.texts.map((text, i) => `c${i + 1} ${text}`),
  ]
    .map((line) => `${printable(line)}\n`)
    .join("");
}

/** Texts by number, each once. */
class Numbers {
  private readonly numbers = new Map<string, number>();

  constructor(private readonly prefix: string) {}

  of(text: string): string {
    const number = this.numbers.get(text) ?? this.numbers.size + 1;
    this.numbers.set(text, number);
    return `${this.prefix}${number}`;
  }

  get texts(): string[] {
    return [...this.numbers.keys()];
  }
}

function flagLine({ feature, fallback }: Proposal): string {
  if (feature === undefined) return "no flag; the guest does not change";
  const { name, bit, advertised } = feature;
  return `flag ${name}, XENFEAT bit ${bit}, advertised by ${advertised}; guests without it: ${fallback}`;
}

/** What has to be saved, and what breaks: once for each text. */
function lossLines(moves: readonly Row[]): string[] {
  const lines = moves.map(({ guest, flag, saved, breaks }) => {
    const move = guest.split(", ")[1]!;
    return `${move}, ${flag}: to save: ${saved}; breaks: ${breaks}`;
  });
  return [...new Set(lines)];
}

function aligned(table: readonly (readonly string[])[]): string[] {
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  return table.map((row) =>
    row
      .map((text, i) => text.padEnd(widths[i]!))
      .join("  ")
      .trimEnd(),
  );
}

/** Names come from files; what could command a terminal is not sent to it. */
function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\0-\x1f\x7f-\x9f]/g, "?");
}
