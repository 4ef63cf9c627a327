/**
 * A counterexample in the Informal Trace Format (ITF), which TLA+ and Quint tools read.
 *
 * Mirrors: ADR015 of Apalache: "#meta", "vars", "states", "loop".
 */
import type { Model } from "./model.js";
import type { Counterexample } from "./outcome.js";

/** A trace; each state has its facts by name, and the action that led to it. */
export interface ItfTrace {
  readonly "#meta": { readonly format: "ITF"; readonly source: string; readonly description: string };
  readonly vars: readonly string[];
  /** Index of the state to which the last one leads back. */
  readonly loop?: number;
  readonly states: readonly Readonly<Record<string, unknown>>[];
}

/** The states of a counterexample, the initial one first. */
export function toItf(model: Model, { actions, loop }: Counterexample, description: string): ItfTrace {
  model.initial();
  const facts = [model.describe()];
  for (const action of actions) {
    model.run(action);
    facts.push(model.describe());
  }
  const names = [...new Set(facts.flatMap((state) => [...state.keys()]))];
  const states = facts.map((state, index) => {
    const action = index === 0 ? undefined : model.actions[actions[index - 1]!]!;
    return {
      "#meta": { index },
      action: action?.name ?? "initial",
      process: action === undefined ? "" : model.processes[action.process]!,
      ...Object.fromEntries(names.map((name) => [name, state.get(name) ?? ""])),
    };
  });
  return {
    "#meta": { format: "ITF", source: model.name, description },
    vars: ["action", "process", ...names],
    ...(loop === undefined ? {} : { loop }),
    states,
  };
}
