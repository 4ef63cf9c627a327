/**
 * Beyond what can be exhausted: runs at random, scheduled so that a bug of few orderings is met with a known probability.
 *
 * Each run gives the processes random priorities, and lets the highest that can act go on. At d - 1 points drawn at
 * random among the first k actions, the one that would go on falls below all others. A violation that depends on d
 * orderings is met with a probability of at least 1 / (n k^(d-1)) a run, with n processes. Where a process has several
 * actions, one is drawn.
 *
 * Mirrors: Burckhardt, Kothari, Musuvathi, Nagarakatte, A randomized scheduler with probabilistic guarantees of finding
 *          bugs, 2010.
 * Differs: the bound is the paper's, for processes whose own choices are given; drawing them as well lowers it.
 */
import { actionsByProcess } from "./expander.js";
import type { Model } from "./model.js";
import { boundsOf, type ExploreOptions } from "./options.js";
import type { Ended, Outcome } from "./outcome.js";
import { outcomeOf } from "./outcome.js";
import { exploreInSlices, type Search } from "./search.js";
import { strideOf } from "./state-bytes.js";
import { NONE, Watch } from "./watch.js";

export interface PctOptions extends ExploreOptions {
  readonly seed?: number;
  readonly runs?: number;
  /** Actions of a run at most. Default 200. */
  readonly steps?: number;
  /** Orderings that a violation takes. Default 3. */
  readonly bugDepth?: number;
}

/** Explore `model` by seeded random runs: the same seed, the same runs. */
export function explorePct(model: Model, options: PctOptions = {}): Promise<Outcome> {
  return exploreInSlices(new Pct(model, options), options);
}

/** xorshift128: enough to draw schedules with, and the same everywhere. */
export class Random {
  private readonly s: Int32Array;

  constructor(seed: number) {
    this.s = Int32Array.of(seed ^ 0x2545f491, seed * 0x9e3779b1, 0x6c078965, 0x5851f42d);
    for (let i = 0; i < 16; i++) this.next();
  }

  /** A whole number from 0 to n - 1. */
  below(n: number): number {
    return Math.floor(((this.next() >>> 0) / 2 ** 32) * n);
  }

  private next(): number {
    const { s } = this;
    let t = s[3]!;
    t ^= t << 11;
    t ^= t >>> 8;
    s.copyWithin(1, 0, 3);
    s[0] = t ^ s[1]! ^ (s[1]! >>> 19);
    return s[0];
  }
}

class Pct implements Search {
  ended: Ended | undefined;
  depth = 0;
  states = 0;
  transitions = 0;
  private readonly began = performance.now();
  private readonly watch: Watch;
  private readonly random: Random;
  private readonly byProcess: readonly (readonly number[])[];
  private readonly here: Uint8Array;
  private readonly runs: number;
  private readonly steps: number;
  private readonly bugDepth: number;
  private done = 0;
  private ends = 0;
  private violated = NONE;
  private path: number[] = [];

  constructor(
    private readonly model: Model,
    private readonly options: PctOptions,
  ) {
    this.watch = new Watch(model);
    this.random = new Random(options.seed ?? 1);
    this.byProcess = actionsByProcess(model);
    this.here = new Uint8Array(strideOf(model));
    this.runs = options.runs ?? 10_000;
    this.steps = options.steps ?? 200;
    this.bugDepth = options.bugDepth ?? 3;
  }

  get queue(): number {
    return this.runs - this.done;
  }

  run(deadline: number): boolean {
    while (this.ended === undefined) {
      if (this.done === this.runs) this.ended = "runs";
      else {
        this.oneRun();
        this.done++;
      }
      if (performance.now() > deadline) break;
    }
    return this.ended !== undefined;
  }

  private oneRun(): void {
    const { model, watch, random, bugDepth, steps } = this;
    const order = this.shuffledProcesses();
    const changes = new Set(Array.from({ length: bugDepth - 1 }, () => random.below(steps)));
    const path: number[] = [];
    model.initial();
    for (;;) {
      this.violated = watch.look(path.length);
      if (this.violated !== NONE) {
        this.path = path;
        this.ended = "violated";
        return;
      }
      this.depth = Math.max(this.depth, path.length);
      if (path.length === steps) return;
      let action = this.chooseAction(order);
      if (action !== NONE && changes.has(path.length)) {
        const fallen = model.actions[action]!.process;
        order.push(...order.splice(order.indexOf(fallen), 1));
        action = this.chooseAction(order);
      }
      if (action === NONE) {
        this.ends++;
        return;
      }
      model.run(action);
      path.push(action);
      this.transitions++;
    }
  }

  /** An action of the first process in `order` that can act; the state stays as it is. */
  private chooseAction(order: readonly number[]): number {
    const { model, byProcess, here, random } = this;
    model.store(here, 0);
    for (const process of order) {
      const enabled = byProcess[process]!.filter((action) => {
        if (!model.run(action)) return false;
        model.load(here, 0);
        return true;
      });
      if (enabled.length > 0) return enabled[random.below(enabled.length)]!;
    }
    return NONE;
  }

  private shuffledProcesses(): number[] {
    const order = this.model.processes.map((_, p) => p);
    for (let i = order.length - 1; i > 0; i--) {
      const k = this.random.below(i + 1);
      [order[i], order[k]] = [order[k]!, order[i]!];
    }
    return order;
  }

  outcome(): Outcome {
    const { model, watch, done, steps, bugDepth, options } = this;
    const outcome = outcomeOf(model, {
      ended: this.ended!,
      bounds: { ...boundsOf(options), maxDepth: steps },
      states: 0, // none is kept, so none can be told from another
      transitions: this.transitions,
      ends: this.ends,
      depth: this.depth,
      began: this.began,
      partialOrder: false,
      symmetries: 0,
      hashes: 0,
      seenBytesPerState: 0,
      seen: watch.seen,
      progress: false,
      counterexample: (property) => (this.violated === property ? { actions: this.path } : undefined),
    });
    const odds = 1 / (model.processes.length * steps ** (bugDepth - 1));
    const pct = { seed: options.seed ?? 1, runs: done, depth: bugDepth, odds };
    return { ...outcome, soundness: { ...outcome.soundness, pct } };
  }
}
