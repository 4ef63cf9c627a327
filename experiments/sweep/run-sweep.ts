/**
 * Runs what a sweep lacks, and makes its tables.
 *
 * A group is simulated once and priced for each of its cells; each cell is in the journal before the next begins.
 */
import { join } from "node:path";
import { DRAWS, intervalOf, PriceDraws } from "../costs/draws.js";
import { boundsOf, coefficientsOf } from "../costs/terms.js";
import type { Cell, Group, Sweep } from "./group.js";
import { type Growth, growthOf } from "./growth.js";
import { Journal, type Done } from "./journal.js";
import type { Engine } from "./local-engine.js";
import type { Simulated } from "./simulate.js";
import { Tables } from "./tables.js";

export interface SweepReport {
  readonly name: string;
  readonly cells: number;
  /** Finished by this run, and found finished. */
  readonly done: number;
  readonly resumed: number;
  readonly failed: number;
  readonly simulations: number;
  readonly growth: readonly Growth[];
}

/** Run `sweep` into folder `out`. Errors: BadInput; what was done by then stays done. */
export async function runSweep(
  sweep: Sweep,
  out: string,
  engine: Engine,
  onProgress: (done: number) => void = () => undefined,
): Promise<SweepReport> {
  const journal = new Journal(join(out, "cells.jsonl"));
  const resumed = sweep.cells.filter(({ key }) => journal.has(key)).length;
  const missing = sweep.groups
    .map((group): Group => ({ ...group, cells: group.cells.filter(({ key }) => !journal.has(key)) }))
    .filter(({ cells }) => cells.length > 0);
  let done = 0;
  onProgress(resumed);
  const tables = new Tables(sweep.cells);
  tables.add(sweep.cells.flatMap(({ key }) => journal.get(key) ?? []));
  const price = pricer(sweep.seed);
  const onDone = (group: Group, simulated: Simulated) => {
    const cells = group.cells.map((cell) => price(cell, simulated));
    journal.add(cells);
    tables.add(cells);
    done += group.cells.length;
    onProgress(resumed + done);
  };
  const running = missing.length > 0 ? engine.run(missing, onDone) : Promise.resolve();
  running.catch(() => undefined); // it may fail before anybody waits for it
  await tables.open(); // while workers start
  try {
    await running;
    await tables.write(out);
  } finally {
    tables.close();
  }
  return {
    name: sweep.name,
    cells: sweep.cells.length,
    done,
    resumed,
    failed: 0,
    simulations: missing.length,
    growth: growthOf(sweep, journal),
  };
}

/** Prices cells; the draws of a constant that the last cell of the same profile had too are not made anew. */
function pricer(seed: number): (cell: Cell, simulated: Simulated) => Done {
  const last = new Map<string, PriceDraws>();
  return ({ key, profile, priced }, { verdict, counts }) => {
    const times = coefficientsOf(priced, counts);
    const draws = new PriceDraws(priced, seed, DRAWS, last.get(profile));
    last.set(profile, draws);
    const interval = intervalOf(draws.cost(times));
    return { key, verdict, cycles: boundsOf(priced, times), interval, counts };
  };
}
