/**
 * An exploration in this thread, a slice of time at once, so that signals and timers get their turn.
 */
import type { ExploreOptions } from "./options.js";
import type { Ended, Outcome } from "./outcome.js";

/** Milliseconds between two reports where nothing else is said. */
export const EVERY_MS = 200;

/** An exploration under way. */
export interface Search {
  /** Why it ended; undefined while it goes on. Whoever sets it ends it. */
  ended: Ended | undefined;
  readonly depth: number;
  readonly states: number;
  readonly transitions: number;
  /** States that wait to be expanded. */
  readonly queue: number;
  /** Explore until `deadline`, on performance.now()'s clock. Returns true at the end of the exploration. */
  run(deadline: number): boolean;
  outcome(): Outcome;
}

/** Run `search` to its end, telling how far it is. */
export async function exploreInSlices(search: Search, options: ExploreOptions): Promise<Outcome> {
  const everyMs = options.everyMs ?? EVERY_MS;
  let last = { at: performance.now(), distinct: 0 };
  while (!search.run(performance.now() + everyMs)) {
    const at = performance.now();
    const distinct = search.states;
    const rate = ((distinct - last.distinct) / (at - last.at)) * 1000;
    last = { at, distinct };
    const { depth, transitions, queue } = search;
    options.onProgress?.({ depth, generated: transitions, distinct, rate, queue });
    await new Promise((resume) => setImmediate(resume));
    if (options.signal?.aborted === true) search.ended ??= "interrupted";
  }
  return search.outcome();
}
