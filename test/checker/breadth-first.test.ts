import { expect } from "chai";
import { exploreBreadthFirst } from "../../checker/breadth-first.js";
import { runActions } from "../../checker/run-path.js";
import { counters, peterson, philosophers } from "./toys.js";

const PLAIN = { symmetry: false, partialOrder: false };

describe("breadth-first exploration", () => {
  it("counts the states and transitions of independent counters", async () => {
    const { verdict, states, transitions, depth, ends, soundness } = await exploreBreadthFirst(
      counters(4, 9),
      PLAIN,
    );
    expect({ verdict, states, transitions, depth, ends }).to.deep.equal({
      verdict: "holds",
      states: 10_000,
      transitions: 4 * 9 * 1000,
      depth: 36,
      ends: 1,
    });
    expect(soundness.ended).to.equal("exhausted");
    expect(soundness.seenBytesPerState).to.be.below(40);
  });

  it("counts multisets where the counters can be exchanged", async () => {
    const { states } = await exploreBreadthFirst(counters(4, 9));
    expect(states).to.equal(715); // 4 of 10 with repetition
  });

  it("finds Peterson's lock exclusive, used, and open to P0 in the end", async () => {
    const { verdict, properties } = await exploreBreadthFirst(peterson());
    expect(verdict).to.equal("holds");
    expect(properties.map((property) => property.verdict)).to.deep.equal(["holds", "holds", "holds"]);
    expect(properties[1]!.depth).to.equal(3);
  });

  it("has a shortest counterexample that replays", async () => {
    const model = peterson(true);
    const { verdict, properties } = await exploreBreadthFirst(model);
    expect(verdict).to.equal("violated");
    const { actions } = properties[0]!.counterexample!;
    expect(runActions(model, actions)).to.equal(actions.length);
    expect(model.properties[0]!.holds()).to.equal(false);
    expect(actions).to.have.length(6);
  });

  it("finds that a philosopher starves though all others go on", async () => {
    const model = philosophers(3);
    const { properties } = await exploreBreadthFirst(model);
    const { actions, loop } = properties[0]!.counterexample!;
    const state = new Uint8Array(model.stateBytes);
    expect(runActions(model, actions.slice(0, loop))).to.equal(loop);
    model.store(state, 0);
    for (const action of actions.slice(loop)) {
      expect(model.run(action)).to.equal(true);
      expect(model.properties[0]!.holds()).to.equal(false);
    }
    const again = new Uint8Array(model.stateBytes);
    model.store(again, 0);
    expect(again).to.deep.equal(state);
    expect(new Set(actions.slice(loop).map((a) => model.actions[a]!.process))).to.deep.equal(new Set([1, 2]));
  });
});
