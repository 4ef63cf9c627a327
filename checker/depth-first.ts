/**
 * Depth-first exploration: keeps hashes and one path of states, no levels and no trail.
 *
 * The memory besides the seen set is bounded by the depth. A counterexample is the path itself, seldom a short one:
 * minimise() shortens it. A state beyond `maxDepth` is not expanded, and the outcome says so.
 *
 * Partial-order reduction: a local process's actions alone are taken if one leads to a state that is not on the path. That
 * state is left before this one, so what was put off is taken there or further on: cycles cannot put it off for ever.
 */
import { actionsByProcess } from "./expander.js";
import type { Model } from "./model.js";
import { boundsOf, type ExploreOptions } from "./options.js";
import { type Bounds, type Counterexample, type Ended, type Outcome, outcomeOf } from "./outcome.js";
import { withoutSymmetry } from "./run-path.js";
import { exploreInSlices, type Search } from "./search.js";
import { NEW, SeenSet } from "./seen-set.js";
import { Namer, StateBytes, strideOf } from "./state-bytes.js";
import { NONE, Watch } from "./watch.js";

/** Bytes that a state takes on the path besides itself. */
const ROW_BYTES = 4 + 2 + 2 + 1;
/** Longest path where nothing else is said. */
const DEFAULT_DEPTH = 1_000_000;
/** Rows of a path at first. */
const FIRST_ROWS = 1024;
/** All actions of a state are to be taken, not those of one process. */
const ALL = 0xffff;
/** Steps between two looks at the clock. */
const SLICE = 4096;

/** Explore `model` depth-first in this thread. `eventually` properties stay open, as they need all of the graph, and those that ask who can act. */
export function exploreDepthFirst(model: Model, options: ExploreOptions = {}): Promise<Outcome> {
  return exploreInSlices(new DepthFirst(model, options), options);
}

class DepthFirst implements Search {
  ended: Ended | undefined;
  depth = 0;
  transitions = 0;
  private readonly began = performance.now();
  private readonly bounds: Bounds;
  private readonly namer: Namer;
  private readonly watch: Watch;
  private readonly set: SeenSet;
  private readonly partialOrder: boolean;
  private readonly nrWords: number;
  private readonly byProcess: readonly (readonly number[])[];
  private readonly all: readonly number[];
  /** Of all states by number, a bit each: is it on the path? */
  private readonly onPath: Uint8Array;
  // the path, a row per state
  private pathStates: StateBytes;
  private number = new Uint32Array(FIRST_ROWS);
  /** Index of the next action to take, in the list of `process`. */
  private next = new Uint16Array(FIRST_ROWS);
  private process = new Uint16Array(FIRST_ROWS);
  /** 1: the state has a successor. */
  private moved = new Uint8Array(FIRST_ROWS);
  private readonly maxDepth: number;
  private top = 0;
  private deepest = 0;
  private cut = false;
  private ends = 0;
  private violated = NONE;
  private path: number[] = [];

  constructor(
    private readonly model: Model,
    options: ExploreOptions,
  ) {
    this.bounds = boundsOf(options);
    const { maxBytes } = this.bounds;
    this.nrWords = strideOf(model) / 4;
    const row = this.nrWords * 4 + ROW_BYTES;
    this.maxDepth = Math.min(this.bounds.maxDepth, DEFAULT_DEPTH, Math.floor(maxBytes / 4 / row));
    this.watch = new Watch(model);
    this.partialOrder = options.partialOrder !== false && model.local !== undefined;
    this.namer = new Namer(model, options.symmetry !== false);
    this.set = SeenSet.reserve(maxBytes);
    this.byProcess = actionsByProcess(model);
    this.all = model.actions.map((_, a) => a);
    this.onPath = new Uint8Array(Math.ceil(this.set.maxStates / 8));
    this.pathStates = new StateBytes(new ArrayBuffer(FIRST_ROWS * this.nrWords * 4));
    model.initial();
    this.namer.store(this.pathStates, 0);
    this.set.hash(this.pathStates.words, 0, this.nrWords);
    this.set.add(0);
    this.enter(0);
  }

  get states(): number {
    return this.set.size;
  }

  get queue(): number {
    return this.top + 1;
  }

  run(deadline: number): boolean {
    while (this.ended === undefined) {
      for (let i = 0; i < SLICE && this.ended === undefined; i++) this.step();
      if (performance.now() > deadline) break;
    }
    return this.ended !== undefined;
  }

  /** Take the next action of the state at the top, or leave the state. */
  private step(): void {
    const { model, nrWords, namer, set, next, process, top } = this;
    const actions = process[top] === ALL ? this.all : this.byProcess[process[top]!]!;
    const at = next[top]!;
    if (at === actions.length) {
      this.leave();
      return;
    }
    next[top]!++;
    model.load(this.pathStates.bytes, top * nrWords * 4);
    if (!model.run(actions[at]!)) return;
    this.transitions++;
    this.moved[top] = 1;
    const tail = set.size;
    namer.store(this.pathStates, (top + 1) * nrWords);
    set.hash(this.pathStates.words, (top + 1) * nrWords, nrWords);
    if (set.add(tail) !== NEW) return;
    if (set.isFull(1) && !this.makeRoom()) this.ended = "memory";
    else if (set.size > this.bounds.maxStates) this.ended = "states";
    else this.enter(tail);
  }

  /** The current state of the model is new: put it on the path. */
  private enter(number: number): void {
    const { watch } = this;
    const row = number === 0 ? 0 : this.top + 1;
    this.top = row;
    if (row + 2 > this.number.length) this.lengthen();
    this.number[row] = number;
    this.next[row] = 0;
    this.moved[row] = 0;
    this.deepest = this.depth = Math.max(this.deepest, row);
    this.violated = watch.look(row);
    if (this.violated !== NONE) {
      this.path = this.actionsOnPath();
      this.ended = "violated";
      return;
    }
    this.onPath[number >>> 3]! |= 1 << (number & 7);
    if (row >= this.maxDepth) {
      this.cut = true;
      this.process[row] = ALL;
      this.next[row] = this.all.length; // not expanded
      this.moved[row] = 1;
      return;
    }
    this.process[row] = this.partialOrder ? this.localProcess(row) : ALL;
  }

  /** Make room for a path twice as long. */
  private lengthen(): void {
    const { pathStates } = this;
    const rows = 2 * this.number.length;
    this.pathStates = new StateBytes(new ArrayBuffer(rows * this.nrWords * 4));
    this.pathStates.bytes.set(pathStates.bytes);
    const longer = <T extends Uint32Array | Uint16Array | Uint8Array>(to: T, from: T): T => (
      to.set(from),
      to
    );
    this.number = longer(new Uint32Array(rows), this.number);
    this.next = longer(new Uint16Array(rows), this.next);
    this.process = longer(new Uint16Array(rows), this.process);
    this.moved = longer(new Uint8Array(rows), this.moved);
  }

  /** A process whose actions are enough at the top of the path, or ALL. */
  private localProcess(row: number): number {
    const { model, byProcess, nrWords, namer, set, pathStates } = this;
    for (let p = 0; p < byProcess.length; p++) {
      model.load(pathStates.bytes, row * nrWords * 4);
      if (!model.local!(p)) continue;
      for (const action of byProcess[p]!) {
        model.load(pathStates.bytes, row * nrWords * 4);
        if (!model.run(action)) continue;
        namer.store(pathStates, (row + 1) * nrWords);
        set.hash(pathStates.words, (row + 1) * nrWords, nrWords);
        const there = set.find();
        if (there === NEW || (this.onPath[there >>> 3]! & (1 << (there & 7))) === 0) return p;
      }
    }
    return ALL;
  }

  private leave(): void {
    const { top } = this;
    const number = this.number[top]!;
    this.onPath[number >>> 3]! &= ~(1 << (number & 7));
    if (this.moved[top] === 0) this.ends++;
    if (top === 0) this.ended = this.cut ? "depth" : "exhausted";
    else this.top = top - 1;
  }

  private actionsOnPath(): number[] {
    const actions: number[] = [];
    for (let row = 0; row < this.top; row++) {
      const list = this.process[row] === ALL ? this.all : this.byProcess[this.process[row]!]!;
      actions.push(list[this.next[row]! - 1]!);
    }
    return actions;
  }

  private makeRoom(): boolean {
    const { set, nrWords } = this;
    const path = this.number.length * (nrWords * 4 + ROW_BYTES);
    if (2 * set.bytes + path + set.size / 8 > this.bounds.maxBytes) return false;
    return set.grow();
  }

  outcome(): Outcome {
    const { model, set, watch, bounds, ended, namer, transitions, ends, began, partialOrder } = this;
    return outcomeOf(model, {
      ended: ended!,
      bounds: { ...bounds, maxDepth: this.maxDepth },
      states: set.size,
      transitions,
      ends,
      depth: this.deepest,
      began,
      partialOrder,
      symmetries: namer.reduces ? model.symmetries! : 0,
      hashes: set.size,
      seenBytesPerState: set.bytes / set.size,
      seen: watch.seen,
      progress: false,
      counterexample: (property) => this.counterexample(property),
    });
  }

  private counterexample(property: number): Counterexample | undefined {
    const { model, path, namer } = this;
    if (this.violated !== property) return undefined;
    return { actions: namer.reduces ? withoutSymmetry(model, path) : path };
  }
}
