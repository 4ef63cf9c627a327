import { expect } from "chai";
import { collisionOdds, NEW, SeenSet } from "../../checker/seen-set.js";

/** States as explored models have them: few values, much alike. */
function state(n: number): Int32Array {
  return Int32Array.of(n & 3, (n >> 2) & 255, 0, (n >> 10) << 24, n >> 18);
}

describe("the seen set", () => {
  it("keeps the number of each of a million states while it doubles in place", () => {
    const set = SeenSet.reserve(2 ** 26);
    const STATES = 1_000_000;
    let doubled = 0;
    for (let n = 0; n < STATES; n++) {
      if (set.isFull(1)) {
        expect(set.grow()).to.equal(true);
        doubled++;
      }
      set.hash(state(n), 0, 5);
      if (set.add(n) !== NEW) expect.fail(`state ${n} is taken for another`);
    }
    expect(doubled).to.equal(7);
    for (let n = 0; n < STATES; n++) {
      set.hash(state(n), 0, 5);
      if (set.find() !== n || set.add(STATES) !== n) expect.fail(`state ${n} has another number`);
    }
    expect(set.size).to.equal(STATES);
    expect(set.bytes / set.size).to.be.below(40 - 6);
  });

  it("finds a state that wrapped around the end, whichever slots are free when it doubles", () => {
    for (let seed = 0; seed < 40; seed++) {
      const set = SeenSet.reserve(2 ** 20);
      const states = Array.from({ length: 16_000 }, (_, n) => Int32Array.of(seed, n * 2654435761));
      states.forEach((words, n) => {
        set.hash(words, 0, 2);
        set.add(n); // beyond what is full otherwise: long runs of slots
      });
      expect(set.grow()).to.equal(true);
      const wrong = states.filter((words, n) => {
        set.hash(words, 0, 2);
        return set.find() !== n;
      });
      expect(wrong).to.have.length(0);
    }
  });

  it("says when its reserve is used up", () => {
    const set = SeenSet.reserve(12 * 2 ** 15);
    expect(set.grow()).to.equal(true);
    expect(set.grow()).to.equal(false);
    expect(set.maxStates).to.equal(Math.ceil(0.8 * 2 ** 15));
  });

  it("adds on behalf of threads what add() adds, and lets one number take over from another", () => {
    const set = SeenSet.reserve(2 ** 22);
    for (let n = 0; n < 10_000; n++) {
      set.hash(state(n), 0, 5, 3);
      expect(set.addShared(n, 3)).to.equal(NEW);
      expect(set.addShared(77, 3)).to.equal(n);
    }
    expect(set.renumber(9_999, 20_000)).to.equal(true);
    expect(set.renumber(9_999, 20_001)).to.equal(false);
    set.hash(state(9_999), 0, 5);
    expect(set.find()).to.equal(20_000);
  });

  it("has halves of a hash that collide as often as random ones", () => {
    const N = 1 << 19;
    const set = SeenSet.reserve(2 ** 24);
    const halves = [0, 1].map(() => new Int32Array(N));
    const lanes = set as unknown as { h1: Int32Array; h2: Int32Array };
    for (let n = 0; n < N; n++) {
      set.hash(state(n), 0, 5);
      halves[0]![n] = lanes.h1[0]!;
      halves[1]![n] = lanes.h2[0]!;
    }
    for (const half of halves) {
      const sorted = half.sort();
      const same = sorted.filter((h, i) => i > 0 && h === sorted[i - 1]).length;
      expect(same).to.be.within(10, 60); // 32 expected of n^2 / 2^33
    }
  });

  it("misses a state of a hundred million with a probability of 0.03 % at most", () => {
    expect(collisionOdds(1e8)).to.be.closeTo(2.71e-4, 1e-6);
    expect(collisionOdds(1)).to.equal(0);
  });
});
