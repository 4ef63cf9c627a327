/**
 * Toy models as worker threads make them: options are a list of arguments.
 */
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
