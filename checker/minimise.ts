/**
 * Counterexamples without the actions that do not matter.
 *
 * Left out are ways back to a state that was there before; then stretches of actions, and of one process's actions; then any
 * two: as long as the rest can still be taken and the property is still violated.
 *
 * Mirrors: ddmin; Zeller and Hildebrandt, Simplifying and isolating failure-inducing input, 2002.
 */
import type { Model } from "./model.js";
import type { Counterexample } from "./outcome.js";
import { bytesOf, runActions, whoCanAct } from "./run-path.js";

/** Only lists up to this long are searched for any stretch and pair: that work is of the third power. */
const SHORT = 120;

/**
 * A counterexample of property number `property` from which nothing can be left out; or not, if that takes to try more than `most` lists
 * of actions.
 */
export function minimise(
  model: Model,
  property: number,
  found: Counterexample,
  most = Infinity,
): Counterexample {
  const budget = { left: most };
  const { actions, loop } = found;
  if (loop === undefined) {
    const direct = withoutDetours(model, actions);
    return { actions: withoutNeedless(model, direct, violationIn(model, property), budget) };
  }
  const violates = (prefix: readonly number[], round: readonly number[]): boolean =>
    isFairLasso(model, property, prefix, round);
  let prefix: readonly number[] = withoutDetours(model, actions.slice(0, loop));
  let round: readonly number[] = actions.slice(loop);
  for (;;) {
    const ofPrefix: Enough = (list) => (violates(list, round) ? list.length : -1);
    const shorter = withoutNeedless(model, prefix, ofPrefix, budget);
    const ofRound: Enough = (list) => (violates(shorter, list) ? list.length : -1);
    const tighter = withoutNeedless(model, round, ofRound, budget);
    if (shorter.length === prefix.length && tighter.length === round.length) break;
    [prefix, round] = [shorter, tighter];
  }
  return { actions: [...prefix, ...round], loop: prefix.length };
}

/** How many of `actions` it takes until property number `property` does not hold; -1 if it always does, or they cannot be taken. */
export function firstViolation(model: Model, property: number, actions: readonly number[]): number {
  return violationIn(model, property)(actions, 0);
}

/**
 * Can `round` be taken after `prefix` again and again, fairly, without a state in which the property holds? An empty round: the
 * state behind the prefix has no successor.
 */
export function isFairLasso(
  model: Model,
  property: number,
  prefix: readonly number[],
  round: readonly number[],
): boolean {
  const { holds } = model.properties[property]!;
  if (runActions(model, prefix) < prefix.length || holds()) return false;
  const start = bytesOf(model);
  const content = new Set<number>(model.mayStop);
  const insists = new Set<number>();
  for (const action of round) {
    noteWhoCannotAct(model, content);
    for (const one of model.insistent ?? []) if (isEnabled(model, one)) insists.add(one);
    if (!model.run(action) || holds()) return false;
    content.add(model.actions[action]!.process);
  }
  for (const one of insists) if (!round.includes(one)) return false;
  if (round.length === 0) noteWhoCannotAct(model, content);
  return (
    bytesOf(model).every((byte, i) => byte === start[i]) && model.processes.every((_, p) => content.has(p))
  );
}

function isEnabled(model: Model, action: number): boolean {
  const here = bytesOf(model);
  const can = model.run(action);
  model.load(here, 0);
  return can;
}

function noteWhoCannotAct(model: Model, content: Set<number>): void {
  const can = whoCanAct(model);
  model.processes.forEach((_, p) => (can & (1 << p)) !== 0 || content.add(p));
}

/** How many of a list's actions are enough for a violation, or -1; the first `same` of them are those of the last list that had one. */
type Enough = (list: readonly number[], same: number) => number;

/** As firstViolation(), from where a list differs from the last one that had a violation. */
function violationIn(model: Model, property: number): Enough {
  const { holds } = model.properties[property]!;
  let states: Uint8Array[] = []; // of that list: before each action, and behind the last
  return (list, same) => {
    const isKnown = same < states.length - 1; // it holds there
    if (isKnown) model.load(states[same]!, 0);
    else model.initial();
    for (let i = isKnown ? same : 0; ; i++) {
      if (!(isKnown && i === same) && !holds()) {
        const kept = list.slice(0, i);
        model.initial();
        states = [bytesOf(model), ...kept.map((action) => (model.run(action), bytesOf(model)))];
        return i;
      }
      if (i === list.length || !model.run(list[i]!)) return -1;
    }
  };
}

function withoutNeedless(
  model: Model,
  actions: readonly number[],
  test: Enough,
  budget: { left: number },
): readonly number[] {
  let best = actions;
  const keeps = (list: readonly number[], same: number): boolean => {
    const enough = budget.left-- > 0 ? test(list, same) : -1;
    if (enough < 0) return false;
    best = list.slice(0, enough);
    return true;
  };
  keeps(actions, 0);
  for (let size = best.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < best.length;) {
      if (!keeps([...best.slice(0, at), ...best.slice(at + size)], at)) at += size;
    }
  }
  while (best.length <= SHORT && (dropsStretch(model, best, keeps) || dropsPair(best, keeps)));
  return best;
}

type Keeps = (list: readonly number[], same: number) => boolean;

/** Leave out a stretch of any length: of all actions, or of one process's. */
function dropsStretch(model: Model, best: readonly number[], keeps: Keeps): boolean {
  const all = best.map((_, i) => i);
  const ofEach = model.processes.map((_, p) => all.filter((i) => model.actions[best[i]!]!.process === p));
  for (const places of [all, ...ofEach]) {
    for (let size = places.length; size > 0; size--) {
      for (let at = 0; at + size <= places.length; at++) {
        const out = new Set(places.slice(at, at + size));
        if (
          keeps(
            best.filter((_, i) => !out.has(i)),
            places[at]!,
          )
        )
          return true;
      }
    }
  }
  return false;
}

function dropsPair(best: readonly number[], keeps: Keeps): boolean {
  for (let i = 0; i < best.length; i++) {
    for (let k = i + 1; k < best.length; k++) {
      if (
        keeps(
          best.filter((_, at) => at !== i && at !== k),
          i,
        )
      )
        return true;
    }
  }
  return false;
}

/** Without the actions between two meetings with one state. */
function withoutDetours(model: Model, actions: readonly number[]): readonly number[] {
  const key = (): string => Buffer.from(bytesOf(model)).toString("latin1");
  const at = new Map<string, number>();
  const kept: number[] = [];
  const keys: string[] = [];
  model.initial();
  keys.push(key());
  at.set(keys[0]!, 0);
  for (const action of actions) {
    model.run(action);
    const here = key();
    const before = at.get(here);
    if (before === undefined) {
      kept.push(action);
      at.set(here, kept.length);
      keys.push(here);
    } else {
      kept.length = before;
      for (const gone of keys.splice(before + 1)) at.delete(gone);
    }
  }
  return kept;
}
