import { expect } from "chai";
import * as fc from "fast-check";
import { exploreBreadthFirst } from "../../checker/breadth-first.js";
import { exploreDepthFirst } from "../../checker/depth-first.js";
import { isFairLasso } from "../../checker/minimise.js";
import type { Model, Property } from "../../checker/model.js";
import { whoCanAct } from "../../checker/run-path.js";
import { scout } from "../../checker/scout.js";
import { philosophers, toy } from "./toys.js";

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

function modelOf(
  { edges, good }: Graph,
  mayStop: readonly number[],
  insistent: readonly number[] = [],
): Model {
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
    () => ({ mayStop, insistent }),
  );
}

/**
 * The plain form: is there a set of bad states, each of which reaches each other inside the set, where each owing process
 * steps inside the set or cannot act somewhere in it, and each insistent edge that begins in it stays in it? All sets are tried.
 */
function isViolated(
  { edges, good }: Graph,
  mayStop: readonly number[],
  insistent: readonly number[],
): boolean {
  const reached = new Set([0]);
  for (const from of reached) for (const edge of edges) if (edge.from === from) reached.add(edge.to);
  for (let set = 1; set < 1 << STATES; set++) {
    const members = Array.from({ length: STATES }, (_, s) => s).filter((s) => (set & (1 << s)) !== 0);
    if (members.some((s) => good[s]! || !reached.has(s))) continue;
    const inside = edges.filter(({ from, to }) => members.includes(from) && members.includes(to));
    const ends = members.length === 1 && !edges.some(({ from }) => from === members[0]);
    if (ends) return true;
    if (insistent.some((i) => members.includes(edges[i]!.from) && !members.includes(edges[i]!.to))) continue;
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

describe("eventually, on runs that are weakly fair to processes, and strongly to insistent actions", () => {
  it("is violated exactly where some set of states can be gone round in fairly", async () => {
    let violated = 0;
    let held = 0;
    await fc.assert(
      fc.asyncProperty(
        graph,
        fc.subarray([0, 1, 2]),
        fc.subarray([0, 2, 5]),
        async (drawn, mayStop, some) => {
          const insistent = some.filter((i) => i < drawn.edges.length);
          const model = modelOf(drawn, mayStop, insistent);
          const { properties } = await exploreBreadthFirst(model);
          const { verdict, counterexample } = properties[0]!;
          expect(verdict).to.equal(isViolated(drawn, mayStop, insistent) ? "violated" : "holds");
          const scouted = scout(model, { maxBytes: 2 ** 16 })?.result.counterexample;
          expect(scouted !== undefined).to.equal(counterexample !== undefined);
          for (const { actions, loop } of scouted === undefined ? [] : [scouted])
            expect(isFairLasso(model, 0, actions.slice(0, loop), actions.slice(loop))).to.equal(true);
          if (counterexample === undefined) {
            held++;
            return;
          }
          const { actions, loop } = counterexample;
          expect(isFairLasso(model, 0, actions.slice(0, loop), actions.slice(loop))).to.equal(true);
          violated++;
        },
      ),
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

  it("holds of an interrupt that can be taken now and then, if it insists", async () => {
    const waiter = (insistent: number[]): Model =>
      modelOf(
        {
          edges: [
            { from: 0, to: 1, process: 0 },
            { from: 1, to: 0, process: 0 },
            { from: 1, to: 2, process: 0 },
            { from: 2, to: 2, process: 0 },
          ],
          good: [false, false, true, false, false, false, false],
        },
        [],
        insistent,
      );
    expect((await exploreBreadthFirst(waiter([]))).verdict).to.equal("violated");
    expect((await exploreBreadthFirst(waiter([2]))).verdict).to.equal("holds");
  });
});

describe("what depends on who can act", () => {
  /** Philosophers, and of whom has a fork: somebody goes on; P0 waits again and again, and not for ever. */
  const table = (kind: "always" | "eventually"): Model => {
    const model = philosophers(3);
    const all = 2 ** 3 - 1;
    const property: Property = {
      name: "goes on",
      says: kind === "always" ? "somebody can act" : "P0 can act again and again",
      kind,
      holds: () => holdsAmong(whoCanAct(model)),
      holdsAmong: (can) => holdsAmong(can),
    };
    const holdsAmong = (can: number): boolean => (kind === "always" ? (can & all) !== 0 : (can & 1) !== 0);
    return { ...model, properties: [property] };
  };

  it("is asked in each state: three who have taken the fork to their left wait for ever", async () => {
    const { states, verdict, properties } = await exploreBreadthFirst(table("always"));
    expect(verdict).to.equal("violated");
    expect(properties[0]!.counterexample!.actions.length).to.equal(3);
    expect(states).to.be.above(3);
    expect(scout(table("always"), { maxBytes: 2 ** 20 })!.result.counterexample!.actions.length).to.equal(3);
  });

  it("is asked of whole runs: the same three, and nobody whom others overtake again and again", async () => {
    const { properties } = await exploreBreadthFirst(table("eventually"));
    const { actions, loop } = properties[0]!.counterexample!;
    expect([actions.length, loop]).to.deep.equal([3, 3]);
    const ordered = philosophers(2, true); // both take fork 0 first
    const model = { ...table("eventually"), ...ordered, properties: [] as Property[] };
    const canAct = (can: number): boolean => (can & 1) !== 0;
    const goesOn: Property = {
      name: "goes on",
      says: "P0 can act again and again",
      kind: "eventually",
      holds: () => canAct(whoCanAct(model)),
      holdsAmong: canAct,
    };
    const eats = ordered.properties[0]!;
    const found = await exploreBreadthFirst({ ...model, properties: [goesOn, eats] });
    expect(found.properties.map(({ verdict }) => verdict)).to.deep.equal(["holds", "violated"]);
    expect(scout({ ...model, properties: [goesOn] }, { maxBytes: 2 ** 20 })).to.equal(undefined);
  });

  it("stays open depth-first", async () => {
    const { properties } = await exploreDepthFirst(table("always"));
    expect(properties[0]!.verdict).to.equal("open");
  });
});
