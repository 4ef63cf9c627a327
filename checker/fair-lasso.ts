/**
 * `eventually`: is there a fair run that, from some state on, never meets a state where the property holds?
 *
 * Such a run ends up going round in a strongly connected part of the graph of states that miss the property; or it
 * stays for good in a state without successors. A part has a fair round if each process either takes a step inside
 * it, or cannot act in one of its states: a round can visit all these places, since all are connected. So the search
 * is over whole parts, and no lasso is missed. Where an insistent action can be taken in a part, but not without leaving it, no fair
 * round comes to the states where it can: they are taken out, and what is left is searched again.
 *
 * Mirrors: Tarjan, Depth-first search and linear graph algorithms, 1972, without recursion; weak fairness as in TLA+'s WF,
 *          strong fairness of single actions as in its SF, by Emerson and Lei, Modalities for model checking, 1987.
 */
import type { FairGraph } from "./fair-graph.js";
import type { Model } from "./model.js";
import type { Counterexample } from "./outcome.js";
import type { Trail } from "./trail.js";

/** The parts of a graph that are looked at; a successor whose number is not below `states` was not expanded. */
type Graph = Pick<FairGraph, "from" | "misses" | "enabled" | "to" | "action" | "states">;

/**
 * A lasso that the `property`-th of the `eventually` properties forbids, with the shortest way to it; undefined if there is none. A
 * graph that is not complete may have one already: what is looked at are states that have been expanded.
 */
export function findFairLasso(
  model: Model,
  graph: Graph,
  property: number,
  trail: Pick<Trail, "actionsTo">,
): Counterexample | undefined {
  const owing = model.processes.reduce(
    (bits, _, p) => (model.mayStop?.includes(p) ? bits : bits | (1 << p)),
    0,
  );
  const bit = 1 << property;
  const misses = graph.misses.slice(0, graph.states);
  const partOf = new Uint32Array(graph.states);
  let best: { id: number; start: number };
  let isSmaller: boolean;
  do {
    best = { id: 0, start: Infinity };
    isSmaller = false;
    partOf.fill(0);
    for (const { id, members } of parts(graph, misses, bit, partOf)) {
      if (!isFair(model, graph, members, partOf, owing)) continue;
      if (takesOutInsisting(model, graph, members, partOf, misses, bit)) isSmaller = true;
      const start = members.reduce((least, state) => Math.min(least, state));
      if (start < best.start) best = { id, start };
    }
  } while (isSmaller);
  const { id, start } = best;
  if (id === 0) return undefined;
  const prefix = trail.actionsTo(start);
  if (graph.enabled[start] === 0) return { actions: prefix, loop: prefix.length };
  const round = roundTrip(model, graph, start, (state) => partOf[state] === id, owing);
  return { actions: [...prefix, ...round], loop: prefix.length };
}

/** A strongly connected part; `members` is valid until the next one is asked for. */
interface Part {
  readonly id: number;
  readonly members: Uint32Array;
}

/** The strongly connected parts of the states whose `misses` have `bit`; writes who is in which to partOf, from 1 on. */
function* parts(graph: Graph, misses: Uint8Array, bit: number, partOf: Uint32Array): Generator<Part> {
  const { from, to, states } = graph;
  const order = new Uint32Array(states); // of the first visit, from 1 on
  const low = new Uint32Array(states);
  const nextEdge = new Float64Array(states);
  const open = new Uint32Array(states); // visited, and in no part yet
  const path = new Uint32Array(states);
  let nrOpen = 0;
  let length = 0;
  let visited = 0;
  let nrParts = 0;
  for (let root = 0; root < states; root++) {
    if (order[root] !== 0 || (misses[root]! & bit) === 0) continue;
    path[length++] = root;
    while (length > 0) {
      const state = path[length - 1]!;
      if (order[state] === 0) {
        order[state] = low[state] = ++visited;
        nextEdge[state] = from[state]!;
        open[nrOpen++] = state;
      }
      const end = from[state + 1]!;
      let deeper = false;
      for (; nextEdge[state]! < end && !deeper;) {
        const next = to[nextEdge[state]!]!;
        if (next < states && (misses[next]! & bit) !== 0 && partOf[next] === 0) {
          if (order[next] === 0) {
            path[length++] = next; // this edge is looked at again when that is done
            deeper = true;
            continue;
          }
          low[state] = Math.min(low[state]!, low[next]!);
        }
        nextEdge[state]!++;
      }
      if (deeper) continue;
      length--;
      if (low[state] !== order[state]) continue;
      let first = nrOpen;
      nrParts++;
      do partOf[open[--first]!] = nrParts;
      while (open[first] !== state);
      yield { id: nrParts, members: open.subarray(first, nrOpen) };
      nrOpen = first;
    }
  }
}

/** Can a run go round in a part for ever, fairly? `owing`: processes that may not stop while they can act. */
function isFair(
  model: Model,
  graph: Graph,
  members: Uint32Array,
  partOf: Uint32Array,
  owing: number,
): boolean {
  const id = partOf[members[0]!];
  let content = 0;
  let edges = 0;
  for (const state of members) {
    content |= ~graph.enabled[state]!;
    for (let e = graph.from[state]!; e < graph.from[state + 1]!; e++) {
      if (partOf[graph.to[e]!] !== id) continue;
      content |= 1 << model.actions[graph.action[e]!]!.process;
      edges++;
    }
  }
  if (edges === 0 && graph.enabled[members[0]!] !== 0) return false; // a state that is left at once
  return (owing & ~content) === 0;
}

/** Take states out of a part, by their `bit`: those where an insistent action can be taken that never stays inside. True: there were. */
function takesOutInsisting(
  model: Model,
  graph: Graph,
  members: Uint32Array,
  partOf: Uint32Array,
  misses: Uint8Array,
  bit: number,
): boolean {
  const { from, to, action } = graph;
  const id = partOf[members[0]!];
  const leaving = new Set<number>(model.insistent);
  if (leaving.size === 0) return false;
  for (const state of members)
    for (let e = from[state]!; e < from[state + 1]!; e++)
      if (partOf[to[e]!] === id) leaving.delete(action[e]!);
  let found = false;
  for (const state of members) {
    for (let e = from[state]!; e < from[state + 1]!; e++) {
      if (!leaving.has(action[e]!)) continue;
      misses[state]! &= ~bit;
      found = true;
    }
  }
  return found;
}

type Inside = (state: number) => boolean;

/**
 * A way from `start` to itself inside its part, on which each process acts, or meets a state where it cannot; and each insistent
 * action that can be taken there is.
 */
function roundTrip(model: Model, graph: Graph, start: number, inside: Inside, owing: number): number[] {
  const { insistent = [], processes } = model;
  const bitOf = (action: number): number =>
    insistent.includes(action) ? 1 << (processes.length + insistent.indexOf(action)) : 0;
  const insists = -1 << processes.length;
  const actions: number[] = [];
  let here = start;
  let owed = owing & graph.enabled[here]!;
  for (let state = 0; state < graph.states; state++)
    for (let e = graph.from[state]!; e < graph.from[state + 1]! && inside(state); e++)
      owed |= bitOf(graph.action[e]!);
  while (owed !== 0 || here !== start || actions.length === 0) {
    const home = owed === 0;
    const left = (state: number, action: number): number =>
      owed & (graph.enabled[state]! | insists) & ~((1 << model.actions[action]!.process) | bitOf(action));
    const leg = shortestLeg(model, graph, inside, here, (state, action) =>
      home ? state === start : left(state, action) !== owed,
    );
    for (const [action, state] of leg) {
      actions.push(action);
      here = state;
      owed = left(state, action);
    }
  }
  return actions;
}

type Leg = [action: number, state: number][];

/** The shortest way from `start` inside its part, by at least one edge, to one that is `wanted`. */
function shortestLeg(
  model: Model,
  graph: Graph,
  inside: Inside,
  start: number,
  wanted: (state: number, action: number) => boolean,
): Leg {
  const cameBy = new Map<number, [before: number, action: number]>();
  const queue = [start];
  for (const state of queue) {
    for (let e = graph.from[state]!; e < graph.from[state + 1]!; e++) {
      const next = graph.to[e]!;
      const action = graph.action[e]!;
      if (!inside(next)) continue;
      if (wanted(next, action)) {
        const leg: Leg = [[action, next]];
        for (let at = state; at !== start;) {
          const [before, by] = cameBy.get(at)!;
          leg.push([by, at]);
          at = before;
        }
        return leg.reverse();
      }
      if (next === start || cameBy.has(next)) continue;
      cameBy.set(next, [state, action]);
      queue.push(next);
    }
  }
  throw new Error(`${model.name}: a strongly connected part is not connected; the explorer has a bug`);
}
