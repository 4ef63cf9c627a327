import { expect } from "chai";
import { exploreBreadthFirst } from "../../checker/breadth-first.js";
import { copyVersusFanOut, type Mutant } from "./copy-versus-fan-out.js";

const MUTANTS: readonly Mutant[] = [
  "second pass",
  "second pass's waiting",
  "loader's lock until the hypercall",
  "second look",
];

describe("loading an mm against writing one of its top-level entries (linux-per-vcpu, patches 4 and 5)", () => {
  it("loses no update, and leaves no entry behind, in all interleavings", async () => {
    const { verdict, states, soundness, properties } = await exploreBreadthFirst(copyVersusFanOut());
    expect(properties.map((property) => `${property.name}: ${property.verdict}`)).to.deep.equal([
      "no pair has an entry whose clearing is done: holds",
      "between loads and edits, a pair has the slot of what it mirrors: holds",
      "both are under way: holds",
      "the second pass finds what the first did not: holds",
    ]);
    expect([verdict, soundness.ended]).to.deep.equal(["holds", "exhausted"]);
    expect(states).to.equal(314);
  });

  for (const mutant of MUTANTS) {
    it(`goes wrong without: ${mutant}`, async () => {
      const { properties } = await exploreBreadthFirst(copyVersusFanOut(mutant));
      expect(properties.slice(0, 2).some((property) => property.verdict === "violated")).to.equal(true);
    });
  }
});
