import { expect } from "chai";
import { BucketQueue } from "../../checker/bucket-queue.js";
import { explore } from "../../checker/explore.js";
import { isFairLasso, firstViolation } from "../../checker/minimise.js";
import type { FirstSeen, Progress } from "../../checker/options.js";
import type { Outcome } from "../../checker/outcome.js";
import { scout } from "../../checker/scout.js";
import { source } from "./same-on-threads.js";
import { counters, peterson, philosophers, toy } from "./toys.js";

const MEMORY = { maxBytes: 2 ** 24 };

describe("a scout", () => {
  it("meets what breaks Peterson's lock, and nothing in one that holds", () => {
    const model = peterson(true);
    const { result } = scout(model, { ...MEMORY, names: ["mutual exclusion"] })!;
    expect([result.name, result.verdict]).to.deep.equal(["mutual exclusion", "violated"]);
    const { actions } = result.counterexample!;
    expect(firstViolation(model, 0, actions)).to.equal(actions.length);
    expect(scout(peterson(), MEMORY)).to.equal(undefined);
  });

  it("comes to a violation 48 actions deep, though 28,560 states are nearer", () => {
    const model = counters(4, 12, 48);
    const { result, states } = scout(model, MEMORY)!;
    expect(result.counterexample!.actions).to.have.length(48);
    expect(states).to.be.below(10_000);
    expect(scout(model, MEMORY)).to.deep.equal({ result, states });
  });

  it("meets a fair lasso long before all states are seen", () => {
    for (const n of [3, 4, 6, 8, 11]) {
      const { result, states } = scout(philosophers(n), MEMORY)!;
      const { actions, loop } = result.counterexample!;
      expect(isFairLasso(philosophers(n), 0, actions.slice(0, loop), actions.slice(loop))).to.equal(true);
      expect(states).to.be.below(3000);
    }
  });

  it("knows the way to a lasso, in whatever order it came to the states before", () => {
    const atTop = (s: Uint8Array): boolean => s[0] === 9 && s[1] === 9;
    const up = (p: number) => (s: Uint8Array) => s[p]! < 9 && (s[p]!++, true);
    const model = toy(
      "two who stay",
      [0, 0],
      ["P0", "P1"],
      [
        ["up 0", 0, up(0)],
        ["up 1", 1, up(1)],
        ["stay 0", 0, atTop],
        ["stay 1", 1, atTop],
      ],
      [["eventually", "one is below", (s) => !atTop(s)]],
    );
    const { actions, loop } = scout(model, MEMORY)!.result.counterexample!;
    expect([actions.length, loop]).to.deep.equal([20, 18]);
    expect(isFairLasso(model, 0, actions.slice(0, loop), actions.slice(loop))).to.equal(true);
  });

  it("ends when it has as many states as its memory holds", () => {
    expect(scout(counters(4, 12, 48), { maxBytes: 10_000 })).to.equal(undefined);
    expect(scout(counters(4, 12, 48), { maxBytes: 1 })).to.equal(undefined);
  });
});

describe("states in buckets", () => {
  /** Keys are a name, and what decides among buckets that were asked as often. */
  const queueOf = (...keys: readonly (readonly [name: number, last: number])[]): BucketQueue => {
    const queue = new BucketQueue(keys.length, 2);
    keys.forEach((key, number) => {
      queue.keys.set(key, 2 * number);
      queue.add(number);
    });
    return queue;
  };
  const order = (queue: BucketQueue, n: number): number[] => Array.from({ length: n }, () => queue.next());

  it("come from each in turn, the last of each first, then none", () => {
    expect(order(queueOf([7, 0], [7, 0], [8, 0], [7, 0], [9, 0]), 6)).to.deep.equal([3, 2, 4, 1, 0, -1]);
  });

  it("come from that with the least last word, of those that were asked as often", () => {
    expect(order(queueOf([7, 2], [8, 1], [8, 1], [9, 3]), 4)).to.deep.equal([2, 0, 3, 1]);
  });

  it("wait behind others if their bucket was asked before, though it was empty since", () => {
    const queue = queueOf([7, 0], [8, 0], [7, 0]);
    expect(order(queue, 3)).to.deep.equal([2, 1, 0]);
    queue.add(1);
    queue.add(0);
    expect(order(queue, 2)).to.deep.equal([1, 0]);
  });
});

describe("an exploration that is to tell the first counterexample", () => {
  const PLAIN = { symmetry: false } as const;
  const both = async (
    make: string,
    args: unknown,
    options: object = {},
    lookAround: () => unknown = () => undefined,
  ): Promise<{ first: FirstSeen | undefined; before: unknown; told: Outcome; plain: Outcome }> => {
    let first: FirstSeen | undefined;
    let before: unknown;
    const onFirst = (one: FirstSeen): void => {
      expect(first).to.equal(undefined);
      first = one;
      before = lookAround();
    };
    const from = source(make, ...[args].flat()); // options of a toy are its arguments
    const { seconds: _, ...told } = await explore(from, { ...PLAIN, ...options, onFirst });
    const { seconds: __, ...plain } = await explore(from, { ...PLAIN, ...options });
    return { first, before, told: told as Outcome, plain: plain as Outcome };
  };

  it("tells it before the end, and ends with what it would have without", async () => {
    const distinct: number[] = [];
    const onProgress = (progress: Progress): void => void distinct.push(progress.distinct);
    const { first, told, plain, before } = await both(
      "counters",
      [4, 12, 48],
      { onProgress, everyMs: 0 },
      () => Math.max(...distinct.splice(0)),
    );
    expect(before).to.be.below(10_000);
    expect(first!.result.counterexample!.actions).to.have.length(48);
    expect(first!.states).to.be.below(20_000);
    expect([told.states, told.verdict]).to.deep.equal([28_561, "violated"]);
    expect(told).to.deep.equal(plain);
  });

  for (const [what, args, options, states] of [
    ["where the shortest is among the first states", [4, 12, 6], {}, 210],
    ["where those are all", [3, 9], {}, 1000],
    ["where nothing is violated", [4, 9], {}, 10_000],
    ["where a bound is met among the first states", [4, 12, 48], { maxStates: 1000 }, 1001],
    ["depth first", [3, 9, 27], { strategy: "depth-first" }, 28],
  ] as const) {
    it(`tells none ${what}, and ends with what it would have without`, async () => {
      const { first, told, plain } = await both("counters", args, options);
      expect(first).to.equal(undefined);
      expect(told).to.deep.equal(plain);
      expect(told.states).to.be.at.least(states);
    });
  }

  it("does not leave open what it has told, though a bound ends it before it comes there", async () => {
    const { first, told, plain } = await both("counters", [4, 12, 48], { maxStates: 12_000 });
    expect([told.soundness.ended, plain.verdict]).to.deep.equal(["states", "out-of-bounds"]);
    expect(told.properties[0]).to.deep.equal(first!.result);
    expect({ ...told, properties: [], verdict: "" }).to.deep.equal({ ...plain, properties: [], verdict: "" });
    expect(told.verdict).to.equal("violated");
  });
});
