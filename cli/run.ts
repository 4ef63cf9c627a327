/** `pvtwin run`: one recording under one proposal; its ledger, and a timeline for the Perfetto UI. */
import type { Command } from "commander";
import { priceLedger } from "../experiments/costs/price.js";
import { readProfile } from "../experiments/costs/profile.js";
import { loadProposal } from "../experiments/evaluate.js";
import type { LedgerLine, Bracket, WorkloadResult } from "../experiments/results.js";
import { verdictOf } from "../experiments/run/promise.js";
import { type RunOutcome, runOnce } from "../experiments/run/run-workload.js";
import { writeOutput } from "../experiments/write-output.js";
import { exact, si } from "./numbers.js";

interface Flags {
  readonly proposal: string;
  readonly profile: string;
  readonly trace?: string;
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
    .option("-t, --trace <file>", "write a timeline that ui.perfetto.dev opens")
    .option("--strict", "refuse a recording with any damage", false)
    .option("--json", "print one JSON document, and nothing else", false)
    .addHelpText(
      "after",
      "\nExample:\n  pvtwin run recordings/thread_storm.perf.txt.gz --proposal linux-per-thread --trace out/storm.json\n",
    )
    .action(async (file: string, flags: Flags) => {
      const proposal = loadProposal(flags.proposal);
      const profile = readProfile(flags.profile);
      const { workload, outcome, timeline } = await runOnce(file, proposal, {
        machine: profile.machine,
        strict: flags.strict,
        timeline: flags.trace !== undefined,
      });
      const { cycles, ledger } = priceLedger(profile, outcome.counts, outcome.byCause);
      if (flags.trace !== undefined) writeOutput(flags.trace, `${JSON.stringify(timeline!.document())}\n`);
      process.stdout.write(
        flags.json
          ? `${JSON.stringify(document(workload, outcome, profile.name, cycles, ledger))}\n`
          : text(workload, outcome, cycles, ledger, flags),
      );
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
  { trace, profile }: Flags,
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
    ...(trace === undefined ? [] : [`Timeline: ${trace} (open it in ui.perfetto.dev)\n`]),
  ].join("");
}
