/**
 * A counterexample as a timeline for the Perfetto UI or chrome://tracing: a track per process, a slice per action.
 *
 * Units: an action takes 1 ms of the timeline; the model has no time.
 * Mirrors: Trace Event Format, JSON object form, complete events ("X") and metadata ("M").
 */
import { stepsOf } from "./columns.js";
import type { Model } from "./model.js";
import type { Counterexample } from "./outcome.js";

/** The JSON object form of a trace. */
export interface Timeline {
  readonly displayTimeUnit: "ms";
  readonly traceEvents: readonly Readonly<Record<string, unknown>>[];
}

/** The timeline of a counterexample; what an action changed are its slice's arguments. */
export function toTimeline(model: Model, found: Counterexample): Timeline {
  const names = model.processes.map((name, tid) => {
    return { ph: "M", pid: 1, tid, name: "thread_name", args: { name } };
  });
  const slices = stepsOf(model, found).map(({ action, changes }, i) => {
    const { name, process } = model.actions[action]!;
    const args = Object.fromEntries(changes.map(([fact, was, is]) => [fact, `${was} -> ${is}`]));
    return { ph: "X", pid: 1, tid: process, name, ts: i * 1000, dur: 1000, args };
  });
  return { displayTimeUnit: "ms", traceEvents: [...names, ...slices] };
}
