/**
 * The results of a sweep as tables: results.duckdb for SQL, and each table as a Parquet file for anything else.
 *
 * Shape: cells   one row a cell: cell (its number), workload, proposal, profile, verdict, a column for each parameter,
 *                low, likely, high (exact bounds), p5, p50, p95 (of the draws), unit
 *        counts  one row a cell and event: cell, event, count
 */
import type * as Duckdb from "@duckdb/node-api";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { BadInput } from "../../abi/bad-input.js";
import type { Journal } from "./journal.js";
import type { Cell, Sweep } from "./group.js";

const DATABASE = "results.duckdb";

/** Write the tables of a finished sweep to folder `out`, over those that are there. */
export async function writeTables(sweep: Sweep, journal: Journal, out: string): Promise<void> {
  mkdirSync(out, { recursive: true });
  const names = [DATABASE, "cells.parquet", "counts.parquet"];
  const temporary = (name: string) => join(out, `.${name}.${process.pid}.tmp`);
  const remove = () => {
    for (const name of names) for (const end of ["", ".wal"]) rmSync(temporary(name) + end, { force: true });
  };
  remove();
  try {
    await fill(temporary(DATABASE), sweep, journal, async (run) => {
      for (const table of ["cells", "counts"])
        await run(
          `COPY (SELECT * FROM ${table} ORDER BY ALL) TO ${quoted(temporary(`${table}.parquet`))} (FORMAT parquet)`,
        );
    });
    for (const name of names) renameSync(temporary(name), join(out, name));
  } finally {
    remove();
  }
}

async function fill(
  file: string,
  { cells }: Sweep,
  journal: Journal,
  then: (run: (sql: string) => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const instance = await open(file, false);
  const connection = await instance.connect();
  const run = (sql: string) => connection.run(sql);
  try {
    const parameters = parametersOf(cells);
    const columns = [...parameters].map(([name, type]) => `${identifier(name)} ${type}, `).join("");
    await run(
      `CREATE TABLE cells (cell INTEGER PRIMARY KEY, workload VARCHAR, proposal VARCHAR, profile VARCHAR, verdict VARCHAR, ${columns}low DOUBLE, likely DOUBLE, high DOUBLE, p5 DOUBLE, p50 DOUBLE, p95 DOUBLE, unit VARCHAR)`,
    );
    await run("CREATE TABLE counts (cell INTEGER, event VARCHAR, count DOUBLE)");
    const rows = await connection.createAppender("cells");
    const events = await connection.createAppender("counts");
    cells.forEach((cell, number) => {
      const { verdict, cycles, interval, counts } = journal.get(cell.key)!;
      rows.appendInteger(number);
      for (const text of [cell.workload, cell.proposal, cell.profile, verdict]) rows.appendVarchar(text);
      for (const [name, type] of parameters) {
        const value = cell.parameters[name];
        if (value === undefined) rows.appendNull();
        else if (type === "DOUBLE") rows.appendDouble(Number(value));
        else rows.appendVarchar(String(value));
      }
      const { low, likely, high } = cycles;
      for (const n of [low, likely, high, interval.p5, interval.p50, interval.p95]) rows.appendDouble(n);
      rows.appendVarchar(cell.priced.unit);
      rows.endRow();
      for (const [event, n] of Object.entries(counts)) {
        events.appendInteger(number);
        events.appendVarchar(event);
        events.appendDouble(n);
        events.endRow();
      }
    });
    rows.closeSync();
    events.closeSync();
    await then(run);
    await run("CHECKPOINT");
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Swept parameters and the type of their columns. */
function parametersOf(cells: readonly Cell[]): Map<string, "DOUBLE" | "VARCHAR"> {
  const types = new Map<string, "DOUBLE" | "VARCHAR">();
  for (const { parameters } of cells) {
    for (const [name, value] of Object.entries(parameters))
      types.set(name, types.get(name) === "VARCHAR" || typeof value === "string" ? "VARCHAR" : "DOUBLE");
  }
  return types;
}

export interface Rows {
  readonly columns: string[];
  readonly rows: Record<string, unknown>[];
}

/** Ask the results in folder `out`. Errors: BadInput, for a folder without, and with DuckDB's words for the SQL. */
export async function query(sql: string, out: string): Promise<Rows> {
  const file = join(out, DATABASE);
  if (!existsSync(file))
    throw new BadInput(file, "", "is not there", "run pvtwin sweep first, or name its --out");
  const instance = await open(file, true);
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(sql);
    return { columns: reader.columnNames(), rows: reader.getRowObjectsJson() as Record<string, unknown>[] };
  } catch (error) {
    const [first] = (error as Error).message.split("\n");
    throw new BadInput(
      basename(file),
      "SQL",
      first!,
      "the tables are cells and counts; try SELECT * FROM cells",
    );
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** DuckDB takes a second to load: who does not ask does not wait, and who will ask may begin early. */
export function loadDuckdb(): typeof Duckdb {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- import() would search all of it for names first: as long again
  return require("@duckdb/node-api") as typeof Duckdb;
}

/** Differs: DuckDB fetches no extension from the network. */
async function open(file: string, readOnly: boolean) {
  const { DuckDBInstance } = loadDuckdb();
  return DuckDBInstance.create(file, {
    threads: "1",
    autoinstall_known_extensions: "false",
    ...(readOnly ? { access_mode: "READ_ONLY" } : {}),
  });
}

function quoted(text: string): string {
  return `'${text.replace(/'/g, "''")}'`;
}

function identifier(name: string): string {
  return `"${name.replace(/"/g, '""')}"`;
}
