import { expect } from "chai";
import { exploreBreadthFirst } from "../../checker/breadth-first.js";
import type { ModelSource } from "../../checker/model.js";
import { makeModel } from "../../checker/model-source.js";
import type { Outcome } from "../../checker/outcome.js";
import { exploreParallel } from "../../checker/parallel.js";

const source = (make: string, ...options: unknown[]): ModelSource => {
  return { module: require.resolve("./toy-sources.js"), make, options };
};

function comparable({ seconds: _, soundness: { ended, bounds }, ...outcome }: Outcome): object {
  return { ...outcome, ended, bounds };
}

describe("exploration on several threads", () => {
  for (const [workers, name, from, options] of [
    [2, "all of a wide model", source("counters", 5, 9), { symmetry: false }],
    [3, "all of a model under symmetry", source("counters", 5, 12), {}],
    [2, "all of a model under partial order", source("localCounters", 4, 9), {}],
    [2, "a model up to a depth", source("counters", 5, 9), { symmetry: false, maxDepth: 12 }],
    [3, "a violation, and the same shortest run to it", source("counters", 5, 9, 20), { symmetry: false }],
  ] as const) {
    it(`finds ${name} on ${workers} as on one`, async () => {
      const one = await exploreBreadthFirst(makeModel(from), options);
      const several = await exploreParallel(from, workers, options);
      expect(comparable(several)).to.deep.equal(comparable(one));
    }).timeout(60_000);
  }
});
