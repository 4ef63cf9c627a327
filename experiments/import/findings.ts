/**
 * What is not as it should be in a recording: counted by kind, with the line of the first.
 *
 * Damage is what no recorder writes; with `strict` the first of it is refused. The rest is worth knowing only.
 */
import { BadInput } from "../../abi/bad-input.js";

export interface Warning {
  readonly what: string;
  readonly count: number;
  /** Line of the first one, from 1. */
  readonly firstLine: number;
  /** Something is wrong with the recording; otherwise it is only worth knowing. */
  readonly damage: boolean;
}

const REMEDY = "record again, or leave out --strict";

export class Findings {
  /** Line that is being looked at, from 1. */
  line = 0;
  private readonly found = new Map<string, { count: number; firstLine: number; damage: boolean }>();

  constructor(
    private readonly file: string,
    private readonly strict: boolean,
  ) {}

  /** Errors: BadInput with `strict`. */
  damage(what: string): void {
    if (this.strict) throw new BadInput(this.file, `line ${this.line}`, what, REMEDY);
    this.count(what, true);
  }

  note(what: string): void {
    this.count(what, false);
  }

  warnings(): Warning[] {
    return [...this.found].map(([what, w]) => ({ what, ...w }));
  }

  private count(what: string, damage: boolean): void {
    const known = this.found.get(what);
    if (known === undefined) this.found.set(what, { count: 1, firstLine: this.line, damage });
    else known.count++;
  }
}
