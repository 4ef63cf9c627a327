/** `pvtwin run`: one recording under one proposal; its ledger, and a timeline for the Perfetto UI. */
import { join, parse } from "node:path";
import type { Command } from "commander";
import { foldedStacks } from "../experiments/costs/folded.js";
import { priceLedger } from "../experiments/costs/price.js";
import { readProfile } from "../experiments/costs/profile.js";
import { loadProposal } from "../experiments/evaluate.js";
import type { LedgerLine, Bracket, WorkloadResult } from "../experiments/results.js";
import { verdictOf } from "../experiments/run/promise.js";
import type { CountsComparison } from "../experiments/run/compare-counts.js";
import { readCounts } from "../experiments/run/recorded-counts.js";
import { type RunOutcome, runOnce } from "../experiments/run/run-workload.js";
import { writeOutput } from "../experiments/write-output.js";
import { exact, si, signedPercent } from "./numbers.js";
import { damageWarnings } from "./warnings.js";

interface Flags {
  readonly proposal: string;
  readonly profile: string;
  readonly trace?: string;
  readonly folded?: string;
  readonly compare?: string;
  readonly strict: boolean;
  readonly json: boolean;
}

export function register(program: Command): void {
  program
    .command("run")
    .description("Run one recording under one proposal: what happened, how often, and what it costs")
    .argument("<workload>", "a recording: text of perf script, trace-cmd report or strace; plain or gzip")
    .option("-P, --proposal <name>", "name of a proposal, or YAML file", "shared")
    .option("-p, --profile <name>", "cost profile, by name or YAML file", "skylake-pcid")
    .option(
      "-t, --trace <file>",
      "write a timeline that ui.perfetto.dev opens; in parts, if it is over 100 MB",
    )
    .option("--folded <file>", "write folded stacks, of likely cycles, for a flame graph")
    .option(
      "-c, --compare <counts>",
      "xen events recorded in the same run: predicted and recorded side by side",
    )
    .option("--strict", "refuse a recording with any damage", false)
    .option("--json", "print one JSON document, and nothing else", false)
    .addHelpText(
      "after",
      "\nExample:\n  pvtwin run recordings/thread_storm.perf.txt.gz --proposal linux-per-thread --trace out/storm.json --folded out/storm.folded\n" +
        "\nA recording from inside a PV guest, with its xen events counted:\n  pvtwin run test/data/traces/thread_storm.xenpv.tracecmd.txt.gz --compare test/data/traces/thread_storm.xenpv.counts.json\n",
    )
    .action(async (file: string, flags: Flags) => {
      const proposal = loadProposal(flags.proposal);
      const profile = readProfile(flags.profile);
      const counts = flags.compare === undefined ? undefined : readCounts(flags.compare);
      const { workload, outcome, timeline, compared } = await runOnce(file, proposal, {
        machine: profile.machine,
        strict: flags.strict,
        timeline: flags.trace === undefined ? undefined : profile,
        counts,
      });
      process.stderr.write(damageWarnings(file, workload));
      const { cycles, ledger } = priceLedger(profile, outcome.counts, outcome.byCause);
      const traces = timeline === undefined ? [] : writeParts(flags.trace!, timeline.documents());
      if (flags.folded !== undefined) {
        const stacks = foldedStacks(`${workload.name} under ${outcome.proposal}`, profile, outcome.byCause);
        writeOutput(flags.folded, stacks);
      }
      process.stdout.write(
        flags.json
          ? `${JSON.stringify({ ...document(workload, outcome, profile.name, cycles, ledger), ...compared })}\n`
          : text(workload, outcome, cycles, ledger, flags, traces) +
              (compared === undefined ? "" : comparison(compared)),
      );
    });
}

/** Write a timeline: as `file`, or if it has parts as FILE.1.json, FILE.2.json, ... Returns their names. */
function writeParts(file: string, documents: readonly string[]): string[] {
  const { dir, name, ext } = parse(file);
  return documents.map((document, i) => {
    const part = documents.length === 1 ? file : join(dir, `${name}.${i + 1}${ext}`);
    writeOutput(part, document);
    return part;
  });
}

/** The document of --json. seconds and events are the recording's. */
function document(
  workload: WorkloadResult,
  outcome: RunOutcome,
  profile: string,
  cycles: Bracket,
  ledger: LedgerLine[],
): object {
  const { proposal, counts, perVcpu, properties, memory } = outcome;
  const { seconds, events } = workload;
  const memoryBytes = { guest: memory.guest, xen: memory.xen };
  return {
    proposal,
    profile,
    seconds,
    events,
    workload,
    ...verdictOf(properties),
    properties,
    cycles,
    ledger,
    counts,
    perVcpu,
    memoryBytes,
    host: { eventsPerSecond: Math.round(outcome.eventsPerSecond) },
  };
}

function text(
  workload: WorkloadResult,
  outcome: RunOutcome,
  cycles: Bracket,
  ledger: readonly LedgerLine[],
  { folded, profile }: Flags,
  traces: readonly string[],
): string {
  const { verdict, reason } = verdictOf(outcome.properties);
  const rows = ledger.map(({ event, count, cycles: c, what }) => [event, exact(count), si(c.likely), what]);
  const widths = [0, 1, 2].map((i) => Math.max(...rows.map((row) => row[i]!.length), 6));
  const line = ([event, count, cost, what]: string[]) =>
    `${event!.padEnd(widths[0]!)}  ${count!.padStart(widths[1]!)}  ${cost!.padStart(widths[2]!)}  ${what!}\n`;
  return [
    `${workload.name} under ${outcome.proposal}: ${exact(workload.events)} events, ${workload.seconds} s recorded\n`,
    `promise: ${verdict}: ${reason}\n\n`,
    line(["event", "count", "cycles", "what it is"]),
    ...rows.map(line),
    `\n${si(cycles.likely)} cycles [${si(cycles.low)}..${si(cycles.high)}], profile ${profile}\n`,
    ...traces.map((trace) => `Timeline: ${trace} (open it in ui.perfetto.dev)\n`),
    ...(folded === undefined ? [] : [`Folded stacks: ${folded} (flamegraph.pl, speedscope.app)\n`]),
  ].join("");
}

/** Predicted beside recorded: totals, then each process. */
function comparison({ compare, queued, tables, write_cr3, perProcess, apart }: CountsComparison): string {
  const block = (title: string, pairs: CountsComparison["compare"]): string => {
    const rows = Object.entries(pairs).map(([name, { recorded, modelled }]) => {
      const off = recorded === 0 ? "" : signedPercent((100 * (modelled - recorded)) / recorded);
      return [name, exact(recorded), exact(modelled), off];
    });
    const table = [["", "recorded", "predicted", "off by"], ...rows];
    const widths = [0, 1, 2, 3].map((i) => Math.max(...table.map((row) => row[i]!.length)));
    const lines = table.map(
      ([name, ...cells]) =>
        `${name!.padEnd(widths[0]!)}  ${cells.map((c, i) => c.padStart(widths[i + 1]!)).join("  ")}`,
    );
    return `\n${title}\n${lines.map((line) => `${line.trimEnd()}\n`).join("")}`;
  };
  const processes = Object.entries(perProcess).map(([pid, { comm, compare: pairs }]) =>
    block(`${comm === "" ? "process" : comm} ${pid}`, pairs),
  );
  const unseen = Object.entries(apart).map(
    ([cause, counts]) =>
      `  ${cause}: ${Object.entries(counts)
        .map(([name, n]) => `${name} ${exact(n)}`)
        .join(", ")}\n`,
  );
  return [
    block("xen events", compare),
    block("calls queued", queued),
    block("table pages", tables),
    block("CR3 loads of another value", write_cr3),
    ...processes,
    "\nModelled, and in none of the above, as the recording does not show the cause:\n",
    ...unseen,
  ].join("");
}
