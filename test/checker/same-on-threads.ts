/**
 * One thread and several, compared.
 */
import { expect } from "chai";
import { exploreBreadthFirst } from "../../checker/breadth-first.js";
import type { ModelSource } from "../../checker/model.js";
import { makeModel } from "../../checker/model-source.js";
import type { ExploreOptions } from "../../checker/options.js";
import type { Outcome } from "../../checker/outcome.js";
import { exploreParallel } from "../../checker/parallel.js";

export const source = (make: string, ...options: unknown[]): ModelSource => {
  return { module: require.resolve("./toy-sources.js"), make, options };
};

function comparable({ seconds: _, ...outcome }: Outcome): object {
  return outcome;
}

/** Explore with one thread and with `workers`, and compare all that was found. */
export async function expectSame(from: ModelSource, workers: number, options: ExploreOptions): Promise<void> {
  const one = await exploreBreadthFirst(makeModel(from), options);
  const several = await exploreParallel(from, workers, { together: true, ...options });
  expect(comparable(several)).to.deep.equal(comparable(one));
}
