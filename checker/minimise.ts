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

/** A counterexample of property number `property` from which nothing can be left out. */
export function minimise(model: Model, property: number, found: Counterexample): Counterexample {
  const { actions, loop } = found;
  if (loop === undefined) {
    const direct = withoutDetours(model, actions);
    return { actions: withoutNeedless(model, direct, (list) => firstViolation(model, property, list)) };
  }
  const violates = (prefix: readonly number[], round: readonly number[]): boolean =>
    isFairLasso(model, property, prefix, round);
  let prefix: readonly number[] = withoutDetours(model, actions.slice(0, loop));
  let round: readonly number[] = actions.slice(loop);
  for (;;) {
    const shorter = withoutNeedless(model, prefix, (list) => (violates(list, round) ? list.length : -1));
    const tighter = withoutNeedless(model, round, (list) => (violates(shorter, list) ? list.length : -1));
    if (shorter.length === prefix.length && tighter.length === round.length) break;
    [prefix, round] = [shorter, tighter];
  }
  return { actions: [...prefix, ...round], loop: prefix.length };
}

/** How many of `actions` it takes until property number `property` does not hold; -1 if it always does, or they cannot be taken. */
export function firstViolation(model: Model, property: number, actions: readonly number[]): number {
  const { holds } = model.properties[property]!;
  model.initial();
  for (let i = 0; ; i++) {
    if (!holds()) return i;
    if (i === actions.length || !model.run(actions[i]!)) return -1;
  }
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

/** `test` tells how many of a list's actions are enough for a violation, or -1. */
function withoutNeedless(
  model: Model,
  actions: readonly number[],
  test: (list: readonly number[]) => number,
): readonly number[] {
  let best = actions;
  const keeps = (list: readonly number[]): boolean => {
    const enough = test(list);
    if (enough < 0) return false;
    best = list.slice(0, enough);
    return true;
  };
  keeps(actions);
  for (let size = best.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < best.length;) {
      if (!keeps([...best.slice(0, at), ...best.slice(at + size)])) at += size;
    }
  }
  while (best.length <= SHORT && (dropsStretch(model, best, keeps) || dropsPair(best, keeps)));
  return best;
}

type Keeps = (list: readonly number[]) => boolean;

/** Leave out a stretch of any length: of all actions, or of one process's. */
function dropsStretch(model: Model, best: readonly number[], keeps: Keeps): boolean {
  const all = best.map((_, i) => i);
  const ofEach = model.processes.map((_, p) => all.filter((i) => model.actions[best[i]!]!.process === p));
  for (const places of [all, ...ofEach]) {
    for (let size = places.length; size > 0; size--) {
      for (let at = 0; at + size <= places.length; at++) {
        const out = new Set(places.slice(at, at + size));
        if (keeps(best.filter((_, i) => !out.has(i)))) return true;
      }
    }
  }
  return false;
}

function dropsPair(best: readonly number[], keeps: Keeps): boolean {
  for (let i = 0; i < best.length; i++) {
    for (let k = i + 1; k < best.length; k++) {
      if (keeps(best.filter((_, at) => at !== i && at !== k))) return true;
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
