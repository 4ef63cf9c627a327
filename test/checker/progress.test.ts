import { expect } from "chai";
import * as fc from "fast-check";
import { exploreBreadthFirst } from "../../checker/breadth-first.js";
import { isFairLasso } from "../../checker/minimise.js";
import type { Model } from "../../checker/model.js";
import { toy } from "./toys.js";

/** A graph of up to 7 states: edges with their process, and the states where the property holds. */
interface Graph {
  readonly edges: readonly { readonly from: number; readonly to: number; readonly process: number }[];
  readonly good: readonly boolean[];
}

const STATES = 7;
const state = fc.nat(STATES - 1);
const graph = fc.record<Graph>({
  edges: fc.array(fc.record({ from: state, to: state, process: fc.nat(2) }), { maxLength: 14 }),
  good: fc.array(fc.boolean(), { minLength: STATES, maxLength: STATES }),
});

function modelOf({ edges, good }: Graph, mayStop: readonly number[]): Model {
  return toy(
    "graph",
    [0],
    ["P0", "P1", "P2"],
    edges.map(({ from, to, process }, i) => [
      `edge ${i}`,
      process,
      (s) => s[0] === from && ((s[0] = to), true),
    ]),
    [["eventually", "good", (s) => good[s[0]!]!]],
    () => ({ mayStop }),
  );
}

/**
 * The plain form: is there a set of bad states, each of which reaches each other inside the set, where each owing process
 * steps inside the set or cannot act somewhere in it? All sets are tried.
 */
function isViolated({ edges, good }: Graph, mayStop: readonly number[]): boolean {
  const reached = new Set([0]);
  for (const from of reached) for (const edge of edges) if (edge.from === from) reached.add(edge.to);
  for (let set = 1; set < 1 << STATES; set++) {
    const members = Array.from({ length: STATES }, (_, s) => s).filter((s) => (set & (1 << s)) !== 0);
    if (members.some((s) => good[s]! || !reached.has(s))) continue;
    const inside = edges.filter(({ from, to }) => members.includes(from) && members.includes(to));
    const ends = members.length === 1 && !edges.some(({ from }) => from === members[0]);
    if (ends) return true;
    const from = (start: number): Set<number> => {
      const seen = new Set<number>();
      const todo = [start];
      for (const s of todo) {
        for (const edge of inside)
          if (edge.from === s && !seen.has(edge.to)) (seen.add(edge.to), todo.push(edge.to));
      }
      return seen;
    };
    if (!members.every((s) => members.every((t) => from(s).has(t)))) continue;
    const content = [0, 1, 2].every(
      (p) =>
        mayStop.includes(p) ||
        inside.some(({ process }) => process === p) ||
        members.some((s) => !edges.some((edge) => edge.from === s && edge.process === p)),
    );
    if (content) return true;
  }
  return false;
}

describe("eventually, under weak fairness", () => {
  it("is violated exactly where some set of states can be gone round in fairly", async () => {
    let violated = 0;
    let held = 0;
    await fc.assert(
      fc.asyncProperty(graph, fc.subarray([0, 1, 2]), async (drawn, mayStop) => {
        const model = modelOf(drawn, mayStop);
        const { properties } = await exploreBreadthFirst(model);
        const { verdict, counterexample } = properties[0]!;
        expect(verdict).to.equal(isViolated(drawn, mayStop) ? "violated" : "holds");
        if (counterexample === undefined) {
          held++;
          return;
        }
        const { actions, loop } = counterexample;
        expect(isFairLasso(model, 0, actions.slice(0, loop), actions.slice(loop))).to.equal(true);
        violated++;
      }),
      { numRuns: 400 },
    );
    expect(Math.min(violated, held)).to.be.above(40);
  });

  it("holds of a process that must act, and not of one that may stop", async () => {
    const coin = (mayStop: number[]): Model =>
      modelOf(
        {
          edges: [
            { from: 0, to: 1, process: 0 },
            { from: 0, to: 0, process: 1 },
            { from: 1, to: 1, process: 1 },
          ],
          good: [false, true, false, false, false, false, false],
        },
        mayStop,
      );
    expect((await exploreBreadthFirst(coin([]))).verdict).to.equal("holds");
    expect((await exploreBreadthFirst(coin([0]))).verdict).to.equal("violated");
  });
});
