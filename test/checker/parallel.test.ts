import { expect } from "chai";
import { exploreParallel } from "../../checker/parallel.js";
import { expectSame, source } from "./same-on-threads.js";

describe("exploration on several threads", () => {
  for (const [name, from, options] of [
    ["all of a wide model", source("counters", 5, 9), { symmetry: false }],
    ["a violation, and the same shortest run to it", source("counters", 5, 9, 20), { symmetry: false }],
    ["what is violated on the way, and all behind it", source("counters", 4, 9, 20), { until: [] }],
    ["the depth of a ring, whose last state leads to the first", source("ring", 9), {}],
  ] as const) {
    it(`finds ${name} on two as on one`, async () => {
      await expectSame(from, 2, options);
    }).timeout(60_000);
  }

  it("gives a state to its first finder in the order of one thread, though another was there before", async () => {
    await expectSame(source("funnel"), 2, {});
  }).timeout(60_000);

  for (const [when, says] of [
    ["made", "this thread makes no model"],
    ["run", "this thread runs no action"],
  ] as const) {
    it(`ends with the error of a thread that fails where its model is ${when}`, async () => {
      const ends = exploreParallel(source("lame", when), 2, { symmetry: false, together: true });
      expect(String(await ends.catch((e: unknown) => e))).to.contain(says);
    }).timeout(60_000);
  }

  it("is refused where a checkpoint is asked for", async () => {
    const error: unknown = await exploreParallel(source("counters", 2, 2), 2, { checkpoint: "x" }).catch(
      (e: unknown) => e,
    );
    expect(String(error)).to.contain("checkpoints are of one thread");
  });
});
