/**
 * An exploration in this thread, a slice of time at once, so that signals and timers get their turn.
 */
import type { ExploreOptions } from "./options.js";
import type { Ended, Outcome } from "./outcome.js";

/** Milliseconds between two reports where nothing else is said. */
export const EVERY_MS = 200;

/** Milliseconds between two checkpoints where nothing else is said. */
const CHECKPOINT_EVERY_MS = 60_000;

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
  /** Write a checkpoint. */
  save?(file: string): void;
}

/** Run `search` to its end, telling how far it is. */
export async function exploreInSlices(search: Search, options: ExploreOptions): Promise<Outcome> {
  const everyMs = options.everyMs ?? EVERY_MS;
  let last = { at: performance.now(), distinct: 0 };
  let saved = last.at;
  while (!search.run(performance.now() + everyMs)) {
    const at = performance.now();
    const distinct = search.states;
    const rate = ((distinct - last.distinct) / (at - last.at)) * 1000;
    last = { at, distinct };
    const { depth, transitions, queue } = search;
    options.onProgress?.({ depth, generated: transitions, distinct, rate, queue });
    await new Promise((resume) => setImmediate(resume));
    const { checkpoint, checkpointEveryMs = CHECKPOINT_EVERY_MS } = options;
    if (checkpoint !== undefined && at - saved > checkpointEveryMs) {
      search.save?.(checkpoint);
      saved = performance.now();
    }
    if (options.signal?.aborted === true) search.ended ??= "interrupted";
  }
  const goesOn = search.ended !== "exhausted" && search.ended !== "violated";
  if (options.checkpoint !== undefined && goesOn) search.save?.(options.checkpoint);
  return search.outcome();
}
