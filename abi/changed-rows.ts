/**
 * Which rows of a table have changed since somebody last asked: so that who looks at a machine after every event looks at what
 * the event touched, however many CPUs there are.
 *
 * It is told by the methods that write the table, and asked by one reader (experiments/run/promise.ts).
 *
 * Differs: nothing upstream; no part of the machine's state, so a machine bound to a snapshot has none.
 */

/** A column that others read, and its table's methods write. */
export type Rows = ArrayLike<number> & Iterable<number>;

export class ChangedRows {
  private readonly rows: Uint16Array;
  private readonly isIn: Uint8Array;
  private n = 0;

  constructor(nrRows: number) {
    this.rows = new Uint16Array(nrRows);
    this.isIn = new Uint8Array(nrRows);
  }

  add(row: number): void {
    if (this.isIn[row] !== 0) return;
    this.isIn[row] = 1;
    this.rows[this.n++] = row;
  }

  /** Are there any? */
  get any(): boolean {
    return this.n !== 0;
  }

  /** One of them, which then is none any more; -1 where there is none. */
  take(): number {
    if (this.n === 0) return -1;
    const row = this.rows[--this.n]!;
    this.isIn[row] = 0;
    return row;
  }
}
