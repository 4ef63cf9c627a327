/**
 * Breadth-first exploration: level by level, so that the first counterexample is a shortest one.
 *
 * Only two levels are kept as states; all others as hashes, with the way they were reached. Under partial-order reduction
 * shortest means: among the runs that the reduction leaves.
 */
import { readCheckpoint, writeCheckpoint } from "./checkpoint.js";
import { Expander, mostAdded } from "./expander.js";
import { FairGraph } from "./fair-graph.js";
import { findFairLasso } from "./fair-lasso.js";
import type { Model } from "./model.js";
import { boundsOf, type ExploreOptions } from "./options.js";
import { type Bounds, type Counterexample, type Ended, type Outcome, outcomeOf } from "./outcome.js";
import { withoutSymmetry } from "./run-path.js";
import { exploreInSlices, type Search } from "./search.js";
import { bytesOfSet, SeenSet } from "./seen-set.js";
import { Namer, StateBytes, strideOf } from "./state-bytes.js";
import { Trail, TRAIL_BYTES } from "./trail.js";
import { Watch } from "./watch.js";

/** Explore `model` in this thread. */
export async function exploreBreadthFirst(model: Model, options: ExploreOptions = {}): Promise<Outcome> {
  return exploreInSlices(new BreadthFirst(model, options), options);
}

/** States between two looks at the clock. */
const SLICE = 1024;

/** Lassos are looked for at so many states, and again at so many times as many: to find them early costs a part of the whole. */
const LASSOS_AT = 512;
const LASSOS_GROWTH = 1.5;

/** What a checkpoint tells besides its arrays. */
interface Checkpoint {
  readonly kind: string;
  readonly at: number;
  readonly hereStart: number;
  readonly nextStart: number;
  readonly tail: number;
  readonly depth: number;
  readonly widest: number;
  readonly before: { readonly transitions: number; readonly ends: number };
  readonly transitions: number;
  readonly ends: number;
  readonly size: number;
  readonly slotBytes: number;
}

class BreadthFirst implements Search {
  ended: Ended | undefined;
  depth = 0;
  private readonly began = performance.now();
  private readonly bounds: Bounds;
  private readonly namer: Namer;
  private readonly watch: Watch;
  private readonly set: SeenSet;
  private readonly trail: Trail;
  private readonly graph: FairGraph | undefined;
  private readonly partialOrder: boolean;
  private readonly expander: Expander;
  private readonly stride: number;
  /** States that a frontier has room for. */
  private readonly room: number;
  private here: StateBytes;
  private next: StateBytes;
  private hereStart = 0;
  private nextStart = 1;
  private at = 0;
  /** By `eventually` property: what breaks it. */
  private readonly lassos: (Counterexample | undefined)[] = [];
  private lassosAt = LASSOS_AT;
  /** Longest frontier so far, and what had been counted before this level. */
  private widest = 1;
  private before = { transitions: 0, ends: 0 };

  constructor(
    private readonly model: Model,
    options: ExploreOptions,
  ) {
    this.bounds = boundsOf(options);
    const { maxBytes } = this.bounds;
    this.watch = new Watch(model, options.until);
    const progress = this.watch.eventually.length > 0;
    this.partialOrder = !progress && options.partialOrder !== false && model.local !== undefined;
    this.namer = new Namer(model, !progress && options.symmetry !== false);
    this.graph = progress ? new FairGraph(model) : undefined;
    this.set = SeenSet.reserve(maxBytes);
    this.trail = Trail.reserve(this.set.maxStates);
    this.stride = strideOf(model);
    this.room = Math.floor(Math.min(maxBytes, 2 ** 31 - 8) / this.stride);
    this.here = new StateBytes(new SharedArrayBuffer(this.room * this.stride));
    this.next = new StateBytes(new SharedArrayBuffer(this.room * this.stride));
    const { namer, watch, set, trail, graph, partialOrder } = this;
    this.expander = new Expander({ model, namer, watch, set, trail, graph, partialOrder });
    model.initial();
    namer.store(this.here, 0);
    set.hash(this.here.words, 0, this.stride / 4);
    set.add(0);
    this.expander.level(0, this.here, 0, this.next, 1);
    const { checkpoint, resume } = options;
    if ((checkpoint ?? resume) !== undefined && progress) {
      throw new RangeError(
        `${model.name}: no checkpoint keeps what eventually needs; leave it out, or those properties`,
      );
    }
    if (resume !== undefined) this.restore(resume);
  }

  /** Distinct states found. */
  get states(): number {
    return this.set.size;
  }

  get transitions(): number {
    return this.expander.transitions;
  }

  /** States that wait. */
  get queue(): number {
    return this.expander.tail - this.at;
  }

  /** Explore until `deadline`. Returns true at the end of the exploration. */
  run(deadline: number): boolean {
    while (this.ended === undefined) {
      if (this.at === this.nextStart) this.nextLevel();
      else this.slice(Math.min(this.nextStart, this.at + SLICE));
      if (performance.now() > deadline) break;
    }
    return this.ended !== undefined;
  }

  private slice(end: number): void {
    const { expander, set, bounds, nextStart, room } = this;
    const most = mostAdded(this.model);
    const expands = this.depth < bounds.maxDepth;
    for (; this.at < end; this.at++) {
      if (expands && (set.isFull(most) || expander.tail + most - nextStart > room) && !this.makeRoom(most)) {
        this.ended = "memory";
        return;
      }
      if (!(expands ? expander.expand(this.at) : expander.look(this.at))) {
        this.ended = "violated";
        return;
      }
    }
    if (this.at === nextStart) expander.flush();
    if (set.size > bounds.maxStates) this.ended = "states";
  }

  private nextLevel(): void {
    const { expander } = this;
    const { tail } = expander;
    this.before = { transitions: expander.transitions, ends: expander.ends };
    this.widest = Math.max(this.widest, tail - this.nextStart);
    if (tail === this.nextStart) {
      this.ended = this.depth < this.bounds.maxDepth ? "exhausted" : "depth";
      return;
    }
    this.depth++;
    [this.here, this.next] = [this.next, this.here];
    this.hereStart = this.nextStart;
    this.nextStart = tail;
    expander.level(this.depth, this.here, this.hereStart, this.next, tail);
    if (this.graph !== undefined && this.graph.states >= this.lassosAt) this.lookForLassos(this.graph);
  }

  /** What was expanded has all its successors in the graph, so a lasso among those states is one of the model's. */
  private lookForLassos(graph: FairGraph): void {
    const { model, trail, watch, lassos } = this;
    this.lassosAt = LASSOS_GROWTH * graph.states;
    watch.eventually.forEach((property, i) => {
      lassos[i] ??= findFairLasso(model, graph, i, trail);
      if (lassos[i] !== undefined && watch.ends[property]!) this.ended = "violated";
    });
  }

  /** Make room in the seen set for `most` states. */
  private makeRoom(most: number): boolean {
    const { set, expander, nextStart, room } = this;
    if (expander.tail + most - nextStart > room) return false;
    if (this.bytes + set.bytes > this.bounds.maxBytes) return false;
    return set.grow();
  }

  /** Bytes that are kept. */
  private get bytes(): number {
    const frontiers = 2 * Math.max(this.widest, this.expander.tail - this.nextStart) * this.stride;
    return this.set.bytes + this.states * TRAIL_BYTES + frontiers + (this.graph?.bytes ?? 0);
  }

  /** What has to be equal for another exploration to go on from a checkpoint of this one. */
  private get kind(): string {
    const { model, partialOrder, namer } = this;
    const names = [...model.actions, ...model.properties].map(({ name }) => name);
    return JSON.stringify([model.name, model.stateBytes, partialOrder, namer.reduces, names]);
  }

  save(file: string): void {
    const { set, trail, watch, expander, here, next, at, hereStart, nextStart, depth, widest, before } = this;
    expander.flush();
    const { tail, transitions, ends } = expander;
    const counts = { at, hereStart, nextStart, tail, depth, widest, before, transitions, ends };
    const about: Checkpoint = { ...counts, kind: this.kind, size: set.size, slotBytes: set.bytes };
    writeCheckpoint(file, about, [
      set.usedSlots,
      ...trail.rows(tail),
      here.bytes.subarray(0, (nextStart - hereStart) * this.stride),
      next.bytes.subarray(0, (tail - nextStart) * this.stride),
      new Uint8Array(watch.seen.buffer),
      new Uint8Array(watch.violators.buffer),
    ]);
  }

  /** Go on from the checkpoint in `file`. Errors: RangeError if it is of another model. */
  private restore(file: string): void {
    const { set, trail, watch, expander, here, next } = this;
    readCheckpoint(file, (said) => {
      const about = said as Checkpoint;
      if (about.kind !== this.kind) {
        throw new RangeError(
          `${file}: is a checkpoint of another model, or with other reductions; start without it`,
        );
      }
      const { at, hereStart, nextStart, depth, widest, before, transitions, ends, tail } = about;
      Object.assign(this, { at, hereStart, nextStart, depth, widest, before });
      expander.level(depth, here, hereStart, next, nextStart);
      Object.assign(expander, { transitions, ends, tail });
      const slots = set.restore(about.slotBytes, about.size);
      const watched = [new Uint8Array(watch.seen.buffer), new Uint8Array(watch.violators.buffer)];
      return [slots, ...trail.rows(tail), here.bytes, next.bytes, ...watched];
    });
    watch.violators.forEach((violator, property) => {
      if (violator !== 0) watch.leaveOut(property);
    });
  }

  outcome(): Outcome {
    const { model, expander, set, watch, bounds, partialOrder, namer, began } = this;
    const ended = this.ended!;
    const violated = ended === "violated";
    if (!violated) expander.flush();
    // a level in which something is violated is not counted: the same numbers, whatever was taken before that was seen
    const states = violated ? this.nextStart : set.size;
    return outcomeOf(model, {
      ended,
      bounds,
      states,
      transitions: violated ? this.before.transitions : expander.transitions,
      ends: violated ? this.before.ends : expander.ends,
      depth: this.depth,
      began,
      partialOrder,
      symmetries: namer.reduces ? model.symmetries! : 0,
      hashes: states,
      seenBytesPerState: bytesOfSet(states) / states + TRAIL_BYTES,
      seen: watch.seen,
      progress: true,
      counterexample: (property) => this.counterexample(property),
    });
  }

  private counterexample(property: number): Counterexample | undefined {
    const { model, trail, watch, graph, lassos } = this;
    const progress = watch.eventually.indexOf(property);
    if (progress >= 0) return lassos[progress] ?? findFairLasso(model, graph!, progress, trail);
    const violator = watch.violators[property]!;
    if (violator === 0) return undefined;
    const path = trail.actionsTo(violator - 1);
    return { actions: this.namer.reduces ? withoutSymmetry(model, path) : path };
  }
}
