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
import type { Cell } from "./group.js";
import type { Done } from "./journal.js";

const DATABASE = "results.duckdb";
const COUNTS = "cell INTEGER, event VARCHAR, count DOUBLE";

/**
 * The tables of a sweep while it runs: in memory, as a run that is killed leaves only its journal, and rows in whatever order
 * cells are done. Their files are written at the end, in order.
 */
export class Tables {
  private readonly numbers: ReadonlyMap<string, number>;
  private readonly parameters: ReadonlyMap<string, "DOUBLE" | "VARCHAR">;
  /** Done, and in no table yet. */
  private waiting: Done[] = [];
  private opened?: Opened;

  constructor(private readonly all: readonly Cell[]) {
    this.numbers = new Map(all.map(({ key }, number) => [key, number]));
    this.parameters = parametersOf(all);
  }

  /** Make them; what has been added waits for that. */
  async open(): Promise<void> {
    const instance = await open(":memory:", false);
    const connection = await instance.connect();
    await connection.run(`CREATE TABLE cells (${this.columns})`);
    await connection.run(`CREATE TABLE counts (${COUNTS})`);
    const cells = await connection.createAppender("cells");
    const counts = await connection.createAppender("counts");
    this.opened = { instance, connection, cells, counts };
    this.add([]);
  }

  /** Add cells that are done, each once. */
  add(done: readonly Done[]): void {
    this.waiting = this.waiting.concat(done);
    const { opened } = this;
    if (opened === undefined) return;
    for (const one of this.waiting) this.append(one, opened);
    this.waiting = [];
  }

  /** Write their files to folder `out`, over those that are there. */
  async write(out: string): Promise<void> {
    const { connection, cells, counts } = this.opened!;
    cells.closeSync();
    counts.closeSync();
    mkdirSync(out, { recursive: true });
    const names = [DATABASE, "cells.parquet", "counts.parquet"];
    const temporary = (name: string) => join(out, `.${name}.${process.pid}.tmp`);
    const remove = () => {
      for (const name of names)
        for (const end of ["", ".wal"]) rmSync(temporary(name) + end, { force: true });
    };
    remove();
    try {
      await connection.run(`ATTACH ${quoted(temporary(DATABASE))} AS file`);
      for (const [table, columns] of [
        ["cells", this.columns],
        ["counts", COUNTS],
      ] as const) {
        await connection.run(`CREATE TABLE file.${table} (${columns})`);
        await connection.run(`INSERT INTO file.${table} SELECT * FROM memory.${table} ORDER BY ALL`);
        await connection.run(
          `COPY file.${table} TO ${quoted(temporary(`${table}.parquet`))} (FORMAT parquet)`,
        );
      }
      await connection.run("DETACH file");
      for (const name of names) renameSync(temporary(name), join(out, name));
    } finally {
      remove();
    }
  }

  close(): void {
    this.opened?.connection.closeSync();
    this.opened?.instance.closeSync();
  }

  private get columns(): string {
    const parameters = [...this.parameters].map(([name, type]) => `${identifier(name)} ${type}, `).join("");
    return `cell INTEGER PRIMARY KEY, workload VARCHAR, proposal VARCHAR, profile VARCHAR, verdict VARCHAR, ${parameters}low DOUBLE, likely DOUBLE, high DOUBLE, p5 DOUBLE, p50 DOUBLE, p95 DOUBLE, unit VARCHAR`;
  }

  private append({ key, verdict, cycles, interval, counts }: Done, { cells, counts: events }: Opened): void {
    const number = this.numbers.get(key)!;
    const cell = this.all[number]!;
    cells.appendInteger(number);
    for (const text of [cell.workload, cell.proposal, cell.profile, verdict]) cells.appendVarchar(text);
    for (const [name, type] of this.parameters) {
      const value = cell.parameters[name];
      if (value === undefined) cells.appendNull();
      else if (type === "DOUBLE") cells.appendDouble(Number(value));
      else cells.appendVarchar(String(value));
    }
    const { low, likely, high } = cycles;
    for (const n of [low, likely, high, interval.p5, interval.p50, interval.p95]) cells.appendDouble(n);
    cells.appendVarchar(cell.priced.unit);
    cells.endRow();
    for (const [event, n] of Object.entries(counts)) {
      events.appendInteger(number);
      events.appendVarchar(event);
      events.appendDouble(n);
      events.endRow();
    }
  }
}

interface Opened {
  readonly instance: Duckdb.DuckDBInstance;
  readonly connection: Duckdb.DuckDBConnection;
  readonly cells: Duckdb.DuckDBAppender;
  readonly counts: Duckdb.DuckDBAppender;
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
function loadDuckdb(): typeof Duckdb {
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
