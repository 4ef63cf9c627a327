/**
 * Toy models as worker threads make them: options are a list of arguments.
 */
import { isMainThread } from "node:worker_threads";
import type { Model } from "../../checker/model.js";
import * as toys from "./toys.js";

export function counters(args: [number, number, number?]): Model {
  return toys.counters(...args);
}

/** Counters of which no property sees one: all are local but the first. */
export function localCounters([n, top]: [number, number]): Model {
  const model = toys.counters(n, top);
  return {
    ...model,
    symmetries: 0,
    properties: model.properties.filter(({ kind }) => kind === "always"),
    local: (process) => process > 0,
  };
}

/** One counter that begins anew behind `top`. */
export function ring([top]: [number]): Model {
  return toys.toy("ring", [0], ["P0"], [["count", 0, (s) => ((s[0] = (s[0]! + 1) % (top + 1)), true)]]);
}

/**
 * 2^12 ways that all lead to one bad state. The way that one thread finds first takes its time, so that another thread
 * is there before it.
 */
export function funnel(): Model {
  const WAYS = 12;
  const branch = (bit: number) => (s: Uint8Array) => {
    if (s[0] === WAYS) return false;
    const way = 2 * (s[1]! * 256 + s[2]!) + bit;
    s.set([s[0]! + 1, way >> 8, way & 255]);
    return true;
  };
  return toys.toy(
    "funnel",
    [0, 0, 0],
    ["P0", "P1"],
    [
      ["left", 0, branch(0)],
      ["right", 1, branch(1)],
      [
        "join",
        0,
        (s) => {
          if (s[0] !== WAYS) return false;
          const slow = s[1] === 0 && s[2]! < 64 ? 2_000_000 : 0;
          let idle = 0;
          for (let i = 0; i < slow; i++) idle += s[0];
          s.set([WAYS + 1, idle & 0, 0]);
          return true;
        },
      ],
    ],
    [["always", "never joined", (s) => s[0] !== WAYS + 1]],
  );
}

/** Counters that cannot be counted in another thread: it fails when the model is made, or when a state is. */
export function lame([when, n = 4]: ["made" | "run", number?]): Model {
  const model = toys.counters(n, 9);
  if (isMainThread) return model;
  if (when === "made") throw new RangeError("this thread makes no model");
  return {
    ...model,
    run: () => {
      throw new RangeError("this thread runs no action");
    },
  };
}
