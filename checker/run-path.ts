/**
 * Lists of actions as runs of a model.
 */
import type { Model } from "./model.js";
import { Namer, StateBytes, strideOf } from "./state-bytes.js";

/** Run `actions` from the initial state. Returns how many were enabled until one was not. */
export function runActions(model: Model, actions: readonly number[]): number {
  model.initial();
  for (let i = 0; i < actions.length; i++) {
    if (!model.run(actions[i]!)) return i;
  }
  return actions.length;
}

/** The current state's bytes. */
export function bytesOf(model: Model): Uint8Array {
  const bytes = new Uint8Array(strideOf(model));
  model.store(bytes, 0);
  return bytes;
}

/** The processes of `among` that can act in the current state, a bit each: found by trying, and the state read back. */
export function whoCanAct(model: Model, among = ~0): number {
  const here = bytesOf(model);
  let can = 0;
  model.actions.forEach(({ process }, action) => {
    const bit = 1 << process;
    if ((bit & among & ~can) === 0 || !model.run(action)) return;
    can |= bit;
    model.load(here, 0);
  });
  return can;
}

/**
 * Actions that the model itself can take, of a path between states that stand for others: each leads to a state with the
 * same standing name as on the path.
 *
 * Errors: Error where no action does; the model's symmetries are none then.
 */
export function withoutSymmetry(model: Model, path: readonly number[]): number[] {
  const namer = new Namer(model, true);
  if (!namer.reduces) return [...path];
  const stride = strideOf(model);
  const wanted = path.map(() => new Uint8Array(0));
  const at = new StateBytes(new ArrayBuffer(stride));
  model.initial();
  for (let i = 0; i < path.length; i++) {
    namer.store(at, 0);
    model.load(at.bytes, 0);
    model.run(path[i]!);
    namer.store(at, 0);
    wanted[i] = at.bytes.slice();
  }
  const here = new StateBytes(new ArrayBuffer(stride));
  model.initial();
  return wanted.map((name) => {
    model.store(here.bytes, 0);
    const action = model.actions.findIndex((_, a) => {
      model.load(here.bytes, 0);
      if (!model.run(a)) return false;
      namer.store(at, 0);
      return at.bytes.every((byte, i) => byte === name[i]);
    });
    if (action < 0) {
      throw new Error(
        `${model.name}: no action leads where a symmetric one did; check storeAs() and local()`,
      );
    }
    return action;
  });
}
