/** `pvtwin trace summary FILE`: what a recording holds, as a table or as one JSON document. */
import type { Command } from "commander";
import { summarizeTrace } from "../experiments/import/summary.js";
import type { TraceSummary } from "../experiments/import/summary-form.js";
import { exact } from "./numbers.js";
import { warnings } from "./warnings.js";

interface Flags {
  readonly json: boolean;
  readonly strict: boolean;
}

export function register(program: Command): void {
  program
    .command("trace")
    .description("Look into recordings of real programs")
    .command("summary")
    .description("Count what a recording holds: events, switches, faults, processes, top-level slots")
    .argument("<file>", "text of perf script, trace-cmd report or strace -f -ttt; plain or gzip")
    .option("--json", "print one JSON document, and nothing else", false)
    .option("--strict", "refuse a recording with any damage", false)
    .addHelpText(
      "after",
      "\nExample:\n  pvtwin trace summary recordings/thread_storm.perf.txt.gz\n" +
        "\nDamage is counted on stderr; recordings/README.md says how to record.\n",
    )
    .action(async (file: string, flags: Flags) => {
      const { summary, report } = await summarizeTrace(file, { strict: flags.strict });
      process.stderr.write(warnings(file, report.warnings));
      process.stdout.write(flags.json ? `${JSON.stringify(summary)}\n` : table(summary));
    });
}

function table(s: TraceSummary): string {
  const mm = s.mm;
  const rows: [string, string][] = [
    ["recording", `${s.file} (${s.format})`],
    ["seconds", s.duration_s.toFixed(6)],
    ["events", exact(s.events_total)],
    ["lines not understood", exact(s.lines_not_understood)],
    ["tasks, user tasks", `${exact(s.tasks)}, ${exact(s.user_tasks)}`],
    ["processes", `${exact(s.processes)} (assumed: ${exact(s.processes_assumed)})`],
    [
      "threads in one process",
      `${exact(s.threads_per_process_max)} (alive at one time: ${exact(s.threads_alive_max)})`,
    ],
  ];
  if (s.cpus !== undefined) rows.push(["CPUs", s.cpus.join(", ")]);
  if (s.syscalls_entered !== undefined) rows.push(["system calls entered", exact(s.syscalls_entered)]);
  if (s.page_faults !== undefined) {
    rows.push([
      "page faults",
      `${exact(s.page_faults.user ?? 0)} user, ${exact(s.page_faults.kernel ?? 0)} kernel`,
    ]);
  }
  if (s.switches !== undefined) {
    const { total = 0, same_process = 0, different_process = 0 } = s.switches;
    rows.push([
      "switches",
      `${exact(total)}: ${exact(same_process)} in a process, ${exact(different_process)} between two`,
    ]);
  }
  if (mm !== undefined)
    rows.push(["address space at switch", `${exact(mm.same ?? 0)} same, ${exact(mm.change ?? 0)} change`]);
  rows.push(["address spaces", exact(s.address_spaces_total)]);
  rows.push(["slots faulted in a process, most", exact(s.slots_faulted_per_process_max)]);
  rows.push([
    "new slots",
    `${exact(s.slots_new_total)} (while multi-threaded: ${exact(s.slots_new_while_multithreaded)})`,
  ]);
  return `${lines(rows)}\n${lines(Object.entries(s.events).map(([name, n]) => [name, exact(n)]))}`;
}

function lines(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join("");
}
