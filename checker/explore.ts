/**
 * The folder's front door: explore the model of a source, and hand back what was found, counterexamples minimised.
 */
import { exploreBreadthFirst } from "./breadth-first.js";
import { exploreDepthFirst } from "./depth-first.js";
import { minimise } from "./minimise.js";
import type { ModelSource } from "./model.js";
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
  const outcome = await run(source, options);
  const model = makeModel(source);
  const properties = outcome.properties.map((property, i) => {
    const { counterexample } = property;
    return counterexample === undefined
      ? property
      : { ...property, counterexample: minimise(model, i, counterexample) };
  });
  return { ...outcome, properties };
}

function run(source: ModelSource, options: StrategyOptions): Promise<Outcome> {
  const { strategy, workers = 1 } = options;
  if (strategy === "depth-first") return exploreDepthFirst(makeModel(source), options);
  if (strategy === "random") return explorePct(makeModel(source), options);
  if (workers > 1) return exploreParallel(source, workers, options);
  return exploreBreadthFirst(makeModel(source), options);
}
