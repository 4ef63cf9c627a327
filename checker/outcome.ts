/**
 * What an exploration found, and what its answer rests on.
 */
import type { Model, Property } from "./model.js";
import { collisionOdds } from "./seen-set.js";

/** Why an exploration ended. */
export type Ended =
  /** every state that can be reached was */
  | "exhausted"
  | "violated"
  /** a bound was met: depth, number of states, memory */
  | "depth"
  | "states"
  | "memory"
  /** the signal of the options */
  | "interrupted"
  /** a randomised exploration did all its runs */
  | "runs";

/** A run of the model that a property forbids. */
export interface Counterexample {
  /** Indexes in Model.actions, from the initial state on. */
  readonly actions: readonly number[];
  /** `eventually`: the actions from this index on are a loop; equal to actions.length: the last state has no successor. */
  readonly loop?: number;
}

export interface PropertyResult {
  readonly name: string;
  readonly says: string;
  readonly kind: Property["kind"];
  /**
   * `always`: holds in all states seen. `sometimes`: it happened. `eventually`: no fair run avoids it.
   * vacuous: a `sometimes` that never happened, though all was seen; open: nothing can be said, since not all was seen.
   */
  readonly verdict: "holds" | "violated" | "vacuous" | "open";
  readonly counterexample?: Counterexample;
  /** `sometimes`: depth at which it held first. */
  readonly depth?: number;
}

/** How far an exploration may go. */
export interface Bounds {
  /** Actions from the initial state. */
  readonly maxDepth: number;
  readonly maxStates: number;
  /** All that the explorer keeps: seen set, trail, frontiers, and where `eventually` is asked, successors. */
  readonly maxBytes: number;
}

/** What the answer rests on. */
export interface Soundness {
  readonly bounds: Bounds;
  readonly ended: Ended;
  readonly partialOrder: boolean;
  readonly symmetries: number;
  /** Probability that two states had one hash, so that something was missed. */
  readonly collisionOdds: number;
  /** Bytes a state, empty slots included. */
  readonly seenBytesPerState: number;
  /** Randomised: the probability that a run meets a bug of `pctDepth`, at least. */
  readonly pct?: {
    readonly seed: number;
    readonly runs: number;
    readonly depth: number;
    readonly odds: number;
  };
}

export interface Outcome {
  /** out-of-bounds: nothing is violated, and not all was seen. */
  readonly verdict: "holds" | "violated" | "out-of-bounds";
  /** Distinct states found, transitions taken, and states without a successor. */
  readonly states: number;
  readonly transitions: number;
  readonly ends: number;
  /** Actions to the farthest state. */
  readonly depth: number;
  readonly seconds: number;
  readonly properties: readonly PropertyResult[];
  readonly soundness: Soundness;
}

/** What an exploration has to tell at its end. */
export interface Covered {
  readonly ended: Ended;
  readonly bounds: Bounds;
  readonly states: number;
  readonly transitions: number;
  readonly ends: number;
  readonly depth: number;
  /** When it began, on performance.now()'s clock. */
  readonly began: number;
  readonly partialOrder: boolean;
  readonly symmetries: number;
  /** Hashes compared, and bytes that a state takes among those that were seen. */
  readonly hashes: number;
  readonly seenBytesPerState: number;
  /** Per property: 1 + the depth at which a `sometimes` held first, 0 for never. */
  readonly seen: Int32Array;
  /** Were all states kept from which a fair run can be judged, and all asked who can act? */
  readonly progress: boolean;
  readonly counterexample: (property: number) => Counterexample | undefined;
}

/** The outcome for the properties of `model`. */
export function outcomeOf(model: Model, covered: Covered): Outcome {
  const { ended, bounds, states, transitions, ends, depth, partialOrder, symmetries } = covered;
  const properties = model.properties.map((property, i) => {
    const asksMore = property.kind === "eventually" || property.holdsAmong !== undefined;
    const all = ended === "exhausted" && (!asksMore || covered.progress);
    return judge(property, all, covered.seen[i]!, covered.counterexample(i));
  });
  const failed = properties.some(({ verdict }) => verdict === "violated" || verdict === "vacuous");
  const holds = ended === "exhausted" && properties.every(({ verdict }) => verdict === "holds");
  return {
    verdict: failed ? "violated" : holds ? "holds" : "out-of-bounds",
    states,
    transitions,
    ends,
    depth,
    seconds: (performance.now() - covered.began) / 1000,
    properties,
    soundness: {
      bounds,
      ended,
      partialOrder,
      symmetries,
      collisionOdds: collisionOdds(covered.hashes),
      seenBytesPerState: covered.seenBytesPerState,
    },
  };
}

/**
 * What is known of `property`: `found`, the counterexample if there is one; `seen`, 1 + the depth at which it held first, for
 * `sometimes`; `all`, whether all was seen that its kind depends on.
 */
function judge(
  { name, says, kind }: Property,
  all: boolean,
  seen: number,
  found: Counterexample | undefined,
): PropertyResult {
  const about = { name, says, kind };
  if (found !== undefined) return { ...about, verdict: "violated", counterexample: found };
  if (kind !== "sometimes") return { ...about, verdict: all ? "holds" : "open" };
  if (seen !== 0) return { ...about, verdict: "holds", depth: seen - 1 };
  return { ...about, verdict: all ? "vacuous" : "open" };
}
