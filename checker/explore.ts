/**
 * The folder's front door: explore the model of a source, and hand back what was found, counterexamples minimised.
 *
 * The folder explores the states of anything that is written as a Model (model.ts), and can be used alone: it imports
 * nothing of the project's. A model is a few bytes of state, actions one at a time, and properties. What happens with it:
 *
 *   explore.ts         chooses among breadth-first.ts (shortest counterexamples), depth-first.ts (one path in memory),
 *                      parallel.ts (breadth-first on threads; level-worker.ts, shared-search.ts), pct.ts (at random)
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
import type { Outcome } from "./outcome.js";
import { exploreParallel } from "./parallel.js";
import { explorePct, type PctOptions } from "./pct.js";

export interface StrategyOptions extends PctOptions {
  /** Default breadth-first. */
  readonly strategy?: "breadth-first" | "depth-first" | "random";
  /** Threads, for breadth-first; one is this thread. Default 1. */
  readonly workers?: number;
}

/** Explore the model that `source` makes. */
export async function explore(source: ModelSource, options: StrategyOptions = {}): Promise<Outcome> {
  const model = makeModel(source);
  const outcome = await run(model, source, options);
  const properties = outcome.properties.map((property, i) => {
    const { counterexample } = property;
    return counterexample === undefined
      ? property
      : { ...property, counterexample: minimise(model, i, counterexample) };
  });
  return { ...outcome, properties };
}

function run(model: Model, source: ModelSource, options: StrategyOptions): Promise<Outcome> {
  const { strategy, workers = 1 } = options;
  if (strategy === "depth-first") return exploreDepthFirst(model, options);
  if (strategy === "random") return explorePct(model, options);
  if (workers > 1) return exploreParallel(source, workers, options);
  return exploreBreadthFirst(model, options);
}
