/**
 * The folder's front door: explore the model of a source, and hand back what was found, counterexamples minimised.
 *
 * The folder explores the states of anything that is written as a Model (model.ts), and can be used alone: it imports
 * nothing of the project's. A model is a few bytes of state, actions one at a time, and properties. What happens with it:
 *
 *   explore.ts         chooses among breadth-first.ts (shortest counterexamples), depth-first.ts (one path in memory),
 *                      parallel.ts (breadth-first on threads; level-worker.ts, shared-search.ts), pct.ts (at random)
 *   scout.ts           a first counterexample before the shortest, by what is new (bucket-queue.ts); decides nothing about
 *                      what holds
 *   expander.ts        a state and its successors, partial order; state-bytes.ts symmetry; seen-set.ts and trail.ts
 *                      what is kept of a state: at most 36 bytes
 *   watch.ts           always and sometimes; fair-graph.ts, fair-lasso.ts eventually, under weak fairness
 *   outcome.ts         verdicts and what they rest on; statement.ts the same in sentences
 *   minimise.ts        counterexamples without what does not matter; columns.ts, itf.ts, timeline.ts, mocha-text.ts and
 *                      identifier.ts show them and pass them on
 *   checkpoint.ts      an exploration on disk
 */
import { exploreBreadthFirst } from "./breadth-first.js";
import { exploreDepthFirst } from "./depth-first.js";
import { minimise } from "./minimise.js";
import type { Model, ModelSource } from "./model.js";
import { makeModel } from "./model-source.js";
import { boundsOf, type FirstSeen } from "./options.js";
import type { Outcome, PropertyResult } from "./outcome.js";
import { exploreParallel } from "./parallel.js";
import { explorePct, type PctOptions } from "./pct.js";
import { QUICKLY, scout } from "./scout.js";

export interface StrategyOptions extends PctOptions {
  /** Default breadth-first. */
  readonly strategy?: "breadth-first" | "depth-first" | "random";
  /** Threads, for breadth-first; one is this thread. Default 1. */
  readonly workers?: number;
}

/** States that are explored breadth-first before a scout is asked: enough for most mutants of the twins, in little time. */
const AHEAD_STATES = 2048;
/** Memory that these, and a scout, may take. */
const AHEAD_BYTES = 2 ** 28;

/** Explore the model that `source` makes; `model`: one that it has made already. */
export async function explore(
  source: ModelSource,
  options: StrategyOptions = {},
  model: Model = makeModel(source),
): Promise<Outcome> {
  const ahead = await lookAhead(model, options);
  if (ahead?.first !== undefined) options.onFirst!(ahead.first);
  const outcome = ahead?.outcome ?? (await run(model, source, options));
  const properties = outcome.properties.map((property, i) => {
    const { counterexample } = property;
    return counterexample === undefined
      ? property
      : { ...property, counterexample: minimise(model, i, counterexample) };
  });
  return withFirst({ ...outcome, properties }, ahead?.first?.result);
}

function run(model: Model, source: ModelSource, options: StrategyOptions): Promise<Outcome> {
  const { strategy, workers = 1 } = options;
  if (strategy === "depth-first") return exploreDepthFirst(model, options);
  if (strategy === "random") return explorePct(model, options);
  if (workers > 1) return exploreParallel(source, workers, options, model);
  return exploreBreadthFirst(model, options);
}

/**
 * Where somebody wants to be told of the first counterexample: the outcome, if the first few states are enough for it; or what those,
 * or a scout, have found.
 */
async function lookAhead(
  model: Model,
  options: StrategyOptions,
): Promise<{ readonly outcome?: Outcome; readonly first?: FirstSeen } | undefined> {
  const { onFirst, strategy = "breadth-first", checkpoint, resume, until } = options;
  if (onFirst === undefined || strategy !== "breadth-first") return undefined;
  if ((checkpoint ?? resume) !== undefined) return undefined;
  const bounds = boundsOf(options);
  const maxStates = Math.min(bounds.maxStates, AHEAD_STATES);
  const maxBytes = Math.min(bounds.maxBytes, AHEAD_BYTES);
  const outcome = await exploreBreadthFirst(model, { ...options, maxStates, maxBytes });
  const { soundness } = outcome;
  const { ended } = soundness;
  const goesOn =
    (ended === "states" && maxStates < bounds.maxStates) ||
    (ended === "memory" && maxBytes < bounds.maxBytes);
  if (!goesOn) return { outcome: { ...outcome, soundness: { ...soundness, bounds } } };
  const wanted = until?.filter((one) => model.properties.some(({ name }) => name === one)) ?? [];
  const names = wanted.length === 0 ? undefined : wanted;
  const met = outcome.properties.findIndex(
    ({ name, counterexample }) => counterexample !== undefined && names?.includes(name) !== false,
  );
  if (met >= 0) {
    const result = outcome.properties[met]!;
    const counterexample = minimise(model, met, result.counterexample!, QUICKLY);
    return { first: { model, result: { ...result, counterexample }, states: outcome.states } };
  }
  const found = scout(model, { names, maxBytes });
  if (found === undefined) return undefined;
  const { result, states } = found;
  return { first: { model, result, states: outcome.states + states } };
}

/** `outcome`, in which what was told first is violated, though the exploration may have ended before it came there. */
function withFirst(outcome: Outcome, first: PropertyResult | undefined): Outcome {
  if (first === undefined) return outcome;
  const properties = outcome.properties.map((property) =>
    property.name === first.name && property.verdict !== "violated" ? first : property,
  );
  return { ...outcome, verdict: "violated", properties };
}
