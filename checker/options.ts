/**
 * How to explore.
 */
import type { Model } from "./model.js";
import type { Bounds, PropertyResult } from "./outcome.js";

/** How far an exploration is, told now and then. */
export interface Progress {
  /** Level that is being expanded: actions from the initial state. */
  readonly depth: number;
  /** Transitions taken, and distinct states found. */
  readonly generated: number;
  readonly distinct: number;
  /** Distinct states a second, since the last report. */
  readonly rate: number;
  /** States that wait to be expanded. */
  readonly queue: number;
}

/** A counterexample that came before the end. */
export interface FirstSeen {
  readonly model: Model;
  /** The property that it violates, with it: quickly shortened, seldom a shortest one. */
  readonly result: PropertyResult;
  /** States that had been met by then. */
  readonly states: number;
}

export interface ExploreOptions extends Partial<Bounds> {
  /** Reductions are on where the model offers them. Off, or with `eventually` properties, partial order and symmetry are not used. */
  readonly partialOrder?: boolean;
  readonly symmetry?: boolean;
  /**
   * Breadth-first: names of the properties whose violation ends the exploration; default all. Where others are violated, that is
   * noted, and it goes on.
   */
  readonly until?: readonly string[];
  readonly onProgress?: (progress: Progress) => void;
  /**
   * Breadth-first from the start, in memory: is told the first counterexample that is found, when it is, with the model that it is of.
   * Not told where the shortest is there as soon. Whoever asks for it pays for a scout (scout.ts) where a short exploration is not
   * enough; all that the exploration ends with is the same.
   */
  readonly onFirst?: (first: FirstSeen) => void;
  /** Milliseconds between two reports, and the time after which a signal is seen at the latest. Default 200. */
  readonly everyMs?: number;
  /** Breadth-first on one thread: a file to write now and then, and at an interruption or a bound, to go on from. */
  readonly checkpoint?: string;
  /** Milliseconds between two checkpoints. Default 60000. */
  readonly checkpointEveryMs?: number;
  /** A checkpoint to go on from: of the same model, with the same reductions. */
  readonly resume?: string;
  /** On several threads: milliseconds that the first is at work before it asks for others. Default 0. */
  readonly aloneMs?: number;
  /** On several threads: begin when all of them are there. Default false: they come while the first is at work. */
  readonly together?: boolean;
  /** Ends the exploration; what was covered until then is the outcome. */
  readonly signal?: AbortSignal;
}

const GIB = 2 ** 30;

/** The bounds of `options`, with what is usual where they say nothing. */
export function boundsOf(options: ExploreOptions): Bounds {
  return {
    maxDepth: options.maxDepth ?? Infinity,
    maxStates: options.maxStates ?? Infinity,
    maxBytes: options.maxBytes ?? 2 * GIB,
  };
}
