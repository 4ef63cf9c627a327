/** `pvtwin query`: SQL on the results of a sweep. */
import type { Command } from "commander";
import { query, type Rows } from "../experiments/sweep/tables.js";

export function register(program: Command): void {
  program
    .command("query")
    .description("Ask the results of a sweep in SQL: tables cells and counts")
    .argument("<sql>", "one statement, in DuckDB's SQL; nothing can be changed")
    .option("-o, --out <dir>", "folder of the results", "out")
    .option("--json", "print one JSON document, and nothing else", false)
    .addHelpText(
      "after",
      "\nExample:\n  pvtwin sweep experiments/sweeps/switch-rates.yaml --out out\n" +
        '  pvtwin query "select proposal, sameMmSwitches, likely from cells order by 1, 2" --out out\n',
    )
    .action(async (sql: string, flags: { out: string; json: boolean }) => {
      const answer = await query(sql, flags.out);
      process.stdout.write(flags.json ? `${JSON.stringify(answer)}\n` : table(answer));
    });
}

function table({ columns, rows }: Rows): string {
  const cells = [columns, ...rows.map((row) => columns.map((name) => textOf(row[name])))];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]!.length)));
  const number = columns.map((name) => rows.every((row) => typeof row[name] !== "string"));
  return cells
    .map((line) =>
      line.map((cell, i) => (number[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join("  "),
    )
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

/** What DuckDB gives as JSON: null, a string, a number, a boolean, or a list or record of these. */
function textOf(value: unknown): string {
  if (value === null || value === undefined) return "-";
  return typeof value === "string" ? value : JSON.stringify(value);
}
