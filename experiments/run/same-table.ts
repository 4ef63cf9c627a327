/**
 * How many pairs of CPUs have the same table, kept up to date as single CPUs change: what PromiseWatch counts after every event.
 *
 * A CPU has a table, or NO_TABLE, and a rank below `nrRanks`; a pair counts under the higher rank of its two. CPUs with one
 * table are a group, which counts its members by rank, so that a change costs the same for any number of CPUs.
 *
 * test/experiments/run/promise.test.ts holds the counts against plain_pairs(), which compares all pairs.
 */

export const NO_TABLE = -1;

/** Row of no group. */
const NONE = 0;
const NO_GROUPS = new Uint16Array(0);

/**
 * Arrays of groups, all NONE, that no SameTable has any more. Each is a megabyte, of which few pages are written, and V8, which
 * counts what is reserved, would collect all garbage for some ten of them.
 */
const spare: Uint16Array[] = [];

function takeGroups(nrTables: number): Uint16Array {
  const last = spare.pop();
  return last !== undefined && last.length >= nrTables ? last : new Uint16Array(nrTables);
}

export class SameTable {
  /** Pairs now; and the same by rank. */
  pairs = 0;
  readonly byRank: Float64Array;
  private readonly table: Int32Array;
  private readonly rank: Uint8Array;
  /** By table: its group. */
  private group: Uint16Array;
  /** [group][rank] members. */
  private readonly members: Uint16Array;
  /** [group] members of any rank. */
  private readonly size: Uint16Array;
  private readonly free: number[] = [];

  /** Tables are numbers below `nrTables`. */
  constructor(
    readonly nrCpus: number,
    nrTables: number,
    private readonly nrRanks: number,
  ) {
    this.byRank = new Float64Array(nrRanks);
    this.table = new Int32Array(nrCpus).fill(NO_TABLE);
    this.rank = new Uint8Array(nrCpus);
    this.group = takeGroups(nrTables);
    this.members = new Uint16Array((nrCpus + 1) * nrRanks);
    this.size = new Uint16Array(nrCpus + 1);
    for (let group = nrCpus; group > NONE; group--) this.free.push(group);
  }

  /** Is that what set() was last told of `cpu`? */
  has(cpu: number, table: number, rank: number): boolean {
    return this.table[cpu] === table && this.rank[cpu] === rank;
  }

  /** `cpu` has `table` now. */
  set(cpu: number, table: number, rank: number): void {
    const before = this.table[cpu]!;
    if (before === table && this.rank[cpu] === rank) return;
    if (before !== NO_TABLE) this.leave(before, this.rank[cpu]!);
    this.table[cpu] = table;
    this.rank[cpu] = rank;
    if (table !== NO_TABLE) this.join(table, rank);
  }

  /** The first pair, by number of the CPUs, or undefined: [cpu, other, table, rank]. */
  first(): readonly [number, number, number, number] | undefined {
    for (const pair of plain_pairs(this.table, this.rank)) return pair;
    return undefined;
  }

  /** Nothing is set any more; the next one takes its memory. */
  end(): void {
    for (const table of this.table) if (table !== NO_TABLE) this.group[table] = NONE;
    spare.push(this.group);
    this.group = NO_GROUPS;
  }

  private join(table: number, rank: number): void {
    let group = this.group[table]!;
    if (group === NONE)
      this.group[table] = group = this.free.pop()!; // as many as CPUs
    else this.count(group, rank, 1);
    this.members[group * this.nrRanks + rank]!++;
    this.size[group]!++;
  }

  private leave(table: number, rank: number): void {
    const group = this.group[table]!;
    this.members[group * this.nrRanks + rank]!--;
    if (--this.size[group]! > 0) {
      this.count(group, rank, -1);
      return;
    }
    this.group[table] = NONE;
    this.free.push(group);
  }

  /** One of `rank` more, or less, beside the members that are there. */
  private count(group: number, rank: number, sign: 1 | -1): void {
    const { members, byRank, nrRanks } = this;
    for (let other = 0; other < nrRanks; other++) {
      const n = members[group * nrRanks + other]!;
      if (n !== 0) byRank[other > rank ? other : rank]! += sign * n;
    }
    this.pairs += sign * this.size[group]!;
  }
}

/** The plain form: each pair of CPUs that have one table, in order, as [cpu, other, table, rank]. */
export function* plain_pairs(
  table: ArrayLike<number>,
  rank: ArrayLike<number>,
): Generator<readonly [number, number, number, number]> {
  for (let p = 0; p < table.length; p++) {
    for (let q = p + 1; q < table.length; q++) {
      if (table[p] !== NO_TABLE && table[p] === table[q])
        yield [p, q, table[p]!, Math.max(rank[p]!, rank[q]!)];
    }
  }
}
