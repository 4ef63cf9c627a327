/**
 * Small models whose states can be counted by hand or by textbook.
 */
import type { Action, Model, Property } from "../../checker/model.js";

/** A model from an array of small numbers, with actions as functions that answer whether they are enabled. */
export function toy(
  name: string,
  cells: readonly number[],
  processes: readonly string[],
  rules: readonly [name: string, process: number, run: (s: Uint8Array) => boolean][],
  properties: readonly [kind: Property["kind"], name: string, holds: (s: Uint8Array) => boolean][] = [],
  more: (state: Uint8Array) => Partial<Model> = () => ({}),
): Model {
  const state = new Uint8Array(cells.length);
  const actions: Action[] = rules.map(([action, process]) => ({ name: action, process }));
  return {
    name,
    stateBytes: cells.length,
    processes,
    actions,
    properties: properties.map(([kind, property, holds]) => ({
      name: property,
      says: `${property}, in each state`,
      kind,
      holds: () => holds(state),
    })),
    initial: () => state.set(cells),
    load: (from, at) => {
      for (let i = 0; i < state.length; i++) state[i] = from[at + i]!;
    },
    store: (to, at) => {
      for (let i = 0; i < state.length; i++) to[at + i] = state[i]!;
    },
    run: (action) => rules[action]![2](state),
    describe: () => new Map(Array.from(state, (value, i) => [`cell ${i}`, String(value)])),
    ...more(state),
  };
}

/**
 * Peterson's lock for two. Cells: flag 0, flag 1, turn, pc 0, pc 1; pc: 0 idle, 1 flag set, 2 waiting, 3 inside.
 * `broken`: the turn is not given away.
 */
export function peterson(broken = false): Model {
  const rules: [string, number, (s: Uint8Array) => boolean][] = [];
  for (const p of [0, 1]) {
    const other = 1 - p;
    const at = (pc: number, go: (s: Uint8Array) => boolean) => (s: Uint8Array) => s[3 + p] === pc && go(s);
    rules.push(
      [`flag[${p}] = 1`, p, at(0, (s) => ((s[p] = 1), (s[3 + p] = 1), true))],
      [`turn = ${other}`, p, at(1, (s) => ((s[2] = broken ? p : other), (s[3 + p] = 2), true))],
      [`enter ${p}`, p, at(2, (s) => (s[other] === 0 || s[2] === p) && ((s[3 + p] = 3), true))],
      [`leave ${p}`, p, at(3, (s) => ((s[p] = 0), (s[3 + p] = 0), true))],
    );
  }
  return toy("peterson", [0, 0, 0, 0, 0], ["P0", "P1"], rules, [
    ["always", "mutual exclusion", (s) => !(s[3] === 3 && s[4] === 3)],
    ["sometimes", "somebody is inside", (s) => s[3] === 3 || s[4] === 3],
    ["eventually", "P0 is inside", (s) => s[3] === 3],
  ]);
}

/**
 * `n` counters that go from 0 to `top`, each by its own process: (top + 1)^n states, n * top * (top + 1)^(n - 1)
 * transitions. All are alike, and none can see another.
 */
export function counters(n: number, top: number, bad?: number): Model {
  const cells = new Array<number>(n).fill(0);
  const symmetries = permutations(n).slice(1);
  return toy(
    "counters",
    cells,
    cells.map((_, p) => `C${p}`),
    cells.map((_, p) => [`count ${p}`, p, (s) => s[p]! < top && (s[p]!++, true)]),
    [
      ["always", "not all at top", (s) => bad === undefined || s.reduce((sum, c) => sum + c, 0) !== bad],
      ["sometimes", "one is at top", (s) => s.includes(top)],
    ],
    (state) => ({
      symmetries: symmetries.length,
      storeAs: (k, to, at) => symmetries[k - 1]!.forEach((from, i) => (to[at + i] = state[from]!)),
    }),
  );
}

/**
 * Dining philosophers, each taking the left fork first: they can all starve with one fork in hand. `ordered`: the last takes the
 * right one first, and somebody always eats. Cells: who has a fork; then hunger.
 */
export function philosophers(n: number, ordered = false): Model {
  const seats = Array.from({ length: n }, (_, i) => i);
  // fork i: 0 free, 1 + p; philosopher p's pc at n + p: 0 thinks, 1 has the left one, 2 eats
  return toy(
    "philosophers",
    new Array<number>(2 * n).fill(0),
    seats.map((p) => `P${p}`),
    seats.flatMap((p) => {
      const swaps = ordered && p === n - 1;
      const left = swaps ? 0 : p;
      const right = swaps ? p : (p + 1) % n;
      return [
        [`left ${p}`, p, (s) => s[n + p] === 0 && s[left] === 0 && ((s[left] = 1 + p), (s[n + p] = 1), true)],
        [
          `right ${p}`,
          p,
          (s) => s[n + p] === 1 && s[right] === 0 && ((s[right] = 1 + p), (s[n + p] = 2), true),
        ],
        [`done ${p}`, p, (s) => s[n + p] === 2 && ((s[left] = s[right] = 0), (s[n + p] = 0), true)],
      ] as [string, number, (s: Uint8Array) => boolean][];
    }),
    [["eventually", "P0 eats", (s) => s[n] === 2]],
  );
}

function permutations(n: number): number[][] {
  if (n === 0) return [[]];
  return permutations(n - 1)
    .flatMap((rest) => Array.from({ length: n }, (_, i) => [...rest.slice(0, i), n - 1, ...rest.slice(i)]))
    .sort((a, b) => (String(a) < String(b) ? -1 : 1));
}
