import { expect } from "chai";
import { exploreParallel } from "../../checker/parallel.js";
import { expectSame, source } from "./same-on-threads.js";

describe("exploration on several threads, at length", () => {
  for (const [name, from, options] of [
    ["all of a wide model", source("counters", 6, 9), { symmetry: false }],
    ["all of a model under symmetry", source("counters", 5, 12), {}],
    ["all of a model under partial order", source("localCounters", 4, 9), {}],
    ["a model up to a depth", source("counters", 5, 9), { symmetry: false, maxDepth: 12 }],
    ["a violation, and the same shortest run to it", source("counters", 6, 9, 30), { symmetry: false }],
    ["a violation under symmetry", source("counters", 5, 9, 20), {}],
  ] as const) {
    for (const workers of [2, 3, 5]) {
      it(`finds ${name} on ${workers} as on one`, () => expectSame(from, workers, options));
    }
  }

  it("lets others in while the first is at work: one that cannot count is heard of", async () => {
    const ends = exploreParallel(source("lame", "run", 6), 2, { symmetry: false });
    expect(String(await ends.catch((e: unknown) => e))).to.contain("this thread runs no action");
  });

  for (const [name, options] of [
    ["all of a wide model", {}],
    ["what is violated", { until: [] }],
  ] as const) {
    it(`finds ${name} as on one, where the others come while the first is at work`, async () => {
      await expectSame(source("counters", 6, 9, 40), 3, {
        symmetry: false,
        together: false,
        aloneMs: 40,
        ...options,
      });
    });
  }
});
