/**
 * What a sweep has done so far: a file that only grows, one finished cell a line.
 *
 * A line is there once its newline is, so that a run that was killed at any moment leaves whole lines and at most one
 * torn one, which the next run cuts off. Results are made from the journal, so nothing else needs to survive.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, truncateSync } from "node:fs";
import { dirname } from "node:path";
import { BadInput } from "../../abi/bad-input.js";
import type { EventCounts } from "../../abi/ledger.js";
import type { Bracket, Interval, Verdict } from "../results.js";

/** A finished cell. */
export interface Done {
  readonly key: string;
  readonly verdict: Verdict;
  readonly cycles: Bracket;
  readonly interval: Interval;
  readonly counts: EventCounts;
}

export class Journal {
  private readonly done = new Map<string, Done>();

  /** Open, or begin, the journal in `file`. Errors: BadInput where it is none, or cannot be written. */
  constructor(private readonly file: string) {
    if (!existsSync(file)) return;
    const bytes = readFileSync(file);
    const end = bytes.lastIndexOf(0x0a) + 1;
    bytes
      .toString("utf8", 0, end)
      .split("\n")
      .forEach((line, i) => {
        if (line !== "") this.read(line, i + 1);
      });
    if (end < bytes.length) truncateSync(file, end);
  }

  has(key: string): boolean {
    return this.done.has(key);
  }

  get(key: string): Done | undefined {
    return this.done.get(key);
  }

  /** Add cells, in one write; those that are there already stay as they are. */
  add(cells: readonly Done[]): void {
    const fresh = cells.filter(({ key }) => !this.done.has(key));
    if (fresh.length === 0) return;
    try {
      mkdirSync(dirname(this.file), { recursive: true });
      appendFileSync(this.file, fresh.map((cell) => `${JSON.stringify(cell)}\n`).join(""));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new BadInput(this.file, "", `cannot be written (${code})`, "name another folder");
    }
    for (const cell of fresh) this.done.set(cell.key, cell);
  }

  private read(line: string, number: number): void {
    try {
      const cell = JSON.parse(line) as Done;
      if (typeof cell.key !== "string" || cell.counts === undefined) throw new TypeError("no cell");
      this.done.set(cell.key, cell);
    } catch {
      throw new BadInput(
        this.file,
        `line ${number}`,
        "is no finished cell",
        "remove the file, and run again",
      );
    }
  }
}
