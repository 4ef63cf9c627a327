import { expect } from "chai";
import { exploreBreadthFirst } from "../../checker/breadth-first.js";
import { exploreDepthFirst } from "../../checker/depth-first.js";
import { explore } from "../../checker/explore.js";
import type { Progress } from "../../checker/options.js";
import { sayWhatItRestsOn } from "../../checker/statement.js";
import { counters, peterson, toy } from "./toys.js";

describe("an outcome", () => {
  it("is no success where something that should happen never did", async () => {
    const model = toy(
      "idle",
      [0],
      ["P"],
      [["tick", 0, (s) => s[0] === 0 && ((s[0] = 1), true)]],
      [
        ["always", "small", (s) => s[0]! < 2],
        ["sometimes", "two", (s) => s[0] === 2],
      ],
    );
    for (const run of [exploreBreadthFirst, exploreDepthFirst]) {
      const { verdict, properties } = await run(model);
      expect(verdict).to.equal("violated");
      expect(properties.map((property) => property.verdict)).to.deep.equal(["holds", "vacuous"]);
    }
  });

  for (const [bound, ended] of [
    [{ maxDepth: 5 }, "depth"],
    [{ maxStates: 500 }, "states"],
    [{ maxBytes: 1 << 20 }, "memory"],
  ] as const) {
    it(`is open where the bound on ${ended} was met`, async () => {
      const outcome = await exploreBreadthFirst(counters(6, 9), { ...bound, symmetry: false });
      expect(outcome.verdict).to.equal("out-of-bounds");
      expect(outcome.soundness.ended).to.equal(ended);
      expect(outcome.properties[0]!.verdict).to.equal("open");
    });
  }

  it("is open depth-first where a path was cut, and says how deep", async () => {
    const { verdict, soundness, depth } = await exploreDepthFirst(counters(3, 9), {
      maxDepth: 8,
      symmetry: false,
    });
    expect({ verdict, ended: soundness.ended, depth }).to.deep.equal({
      verdict: "out-of-bounds",
      ended: "depth",
      depth: 8,
    });
  });

  it("leaves eventually open depth-first, though all was seen", async () => {
    const { verdict, properties } = await exploreDepthFirst(peterson());
    expect(verdict).to.equal("out-of-bounds");
    expect(properties[2]!.verdict).to.equal("open");
  });

  it("says what it rests on", async () => {
    const outcome = await exploreBreadthFirst(counters(4, 9), { maxBytes: 2 ** 30 });
    expect(sayWhatItRestsOn(outcome)).to.deep.equal([
      "715 states, 2,574 transitions, up to 36 actions from the start.",
      "Every state that can be reached was.",
      "Bounds: 1.0 GiB of memory.",
      "Reductions: symmetry (24 names a state).",
      "States were told apart by 64 bits of hash: two had the same one with a probability of at most 1.4e-14; 281.0 bytes a state.",
    ]);
  });

  it("tells how far it is meanwhile", async () => {
    const seen: Progress[] = [];
    await explore(
      { module: require.resolve("./toy-sources.js"), make: "counters", options: [5, 9] },
      { symmetry: false, everyMs: 1, onProgress: (progress) => seen.push(progress) },
    );
    expect(seen.length).to.be.above(1);
    const last = seen.at(-1)!;
    expect(last.distinct).to.be.within(1, 100_000);
    expect(last.generated).to.be.at.least(last.distinct - 1);
    expect(last.depth).to.be.within(1, 45);
  });
});
