import { expect } from "chai";
import { exploreBreadthFirst } from "../../checker/breadth-first.js";
import { isFairLasso } from "../../checker/minimise.js";
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

  it("goes on behind a violation that is not to end it, to the counts and the first counterexample of one that is", async () => {
    const names = counters(4, 9).properties.map(({ name }) => name);
    const first = await exploreBreadthFirst(counters(4, 9, 20), PLAIN);
    const whole = await exploreBreadthFirst(counters(4, 9, 20), { ...PLAIN, until: [names[1]!] });
    expect([first.soundness.ended, whole.soundness.ended]).to.deep.equal(["violated", "exhausted"]);
    expect([whole.verdict, whole.states, whole.ends]).to.deep.equal(["violated", 10_000, 1]);
    expect(whole.properties.map(({ verdict }) => verdict)).to.deep.equal(["violated", "holds"]);
    expect(whole.properties[0]).to.deep.equal(first.properties[0]);
  });

  it("finds a lasso among the first states of many, and ends there unless it is to go on", async () => {
    const first = await exploreBreadthFirst(philosophers(11));
    const whole = await exploreBreadthFirst(philosophers(11), { until: [] });
    expect([first.soundness.ended, whole.soundness.ended]).to.deep.equal(["violated", "exhausted"]);
    expect(first.states).to.be.below(whole.states / 2);
    for (const { verdict, properties } of [first, whole]) {
      expect(verdict).to.equal("violated");
      const { actions, loop } = properties[0]!.counterexample!;
      expect(isFairLasso(philosophers(11), 0, actions.slice(0, loop), actions.slice(loop))).to.equal(true);
    }
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
