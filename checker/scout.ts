/**
 * A first counterexample fast: states are tried where few like them were, in whatever order of levels.
 *
 * A breadth-first search meets all shorter runs before the first that violates something. Most of them differ only in who went
 * first. Here states are put in buckets, by where each process is, how it came there (the last two different actions that it took),
 * and how often one process has taken over from another. Next is always a state of a bucket that was asked the fewest times; among
 * those, of the one with the fewest changes of process, then of the oldest; and in it the state that came last. Where an `eventually`
 * property is missed, changes count as none: what goes on there is looked at first.
 *
 * It decides nothing about what holds: what it meets is a run of the model, so a violation; what it does not meet may be there all the
 * same. No reductions, one thread, the same answer each time.
 *
 * Mirrors: states by kind, the least visited first, as in Go-Explore; Ecoffet and others, First return, then explore, Nature 590, 2021.
 *          Few changes of process first, after Musuvathi and Qadeer, Iterative context bounding, PLDI 2007.
 */
import { BucketQueue } from "./bucket-queue.js";
import { actionsByProcess } from "./expander.js";
import { FairGraph } from "./fair-graph.js";
import { findFairLasso } from "./fair-lasso.js";
import { minimise } from "./minimise.js";
import type { Model } from "./model.js";
import type { Counterexample, PropertyResult } from "./outcome.js";
import { NEW, SeenSet } from "./seen-set.js";
import { StateBytes, strideOf } from "./state-bytes.js";
import { Trail, TRAIL_BYTES } from "./trail.js";
import { NONE, Watch } from "./watch.js";

/** States that are expanded at most: a second of the twins' models. Their mutants take up to 5,000, but for one of 10,468. */
const EXPANSIONS = 12_000;
/** States that are kept at most, of those that are met. */
const MOST_STATES = 1 << 16;
/** Lists of actions that are tried to shorten what was met. */
export const QUICKLY = 8000;
/** Words of a process in a bucket's key: the last action, the one before, and where the process is. */
const KEY_WORDS = 3;
/** No action was taken yet. */
const NO_ACTION = -1;
/** Lassos are looked for at so many expanded states, and again at so many times as many. */
const LASSOS_AT = 256;
const LASSOS_GROWTH = 1.25;

/** What a scout has found: the property, with its counterexample; and the states that it had met by then. */
export interface Scouted {
  readonly result: PropertyResult;
  readonly states: number;
}

/**
 * Look for a violation of one of the properties of those names; undefined: of any. Returns the first that is met, quickly shortened, or
 * undefined. `maxBytes`: memory that it may take.
 */
export function scout(
  model: Model,
  { names, maxBytes }: { readonly names?: readonly string[] | undefined; readonly maxBytes: number },
): Scouted | undefined {
  const search = new Scout(model, names, maxBytes);
  const found = search.run();
  if (found === undefined) return undefined;
  const { name, says, kind } = model.properties[found.property]!;
  const counterexample = minimise(model, found.property, found.counterexample, QUICKLY);
  return { result: { name, says, kind, verdict: "violated", counterexample }, states: search.size };
}

interface Found {
  readonly property: number;
  readonly counterexample: Counterexample;
}

class Scout {
  private readonly watch: Watch;
  /** The properties that are looked at, as indexes of the model's. */
  private readonly wanted: readonly number[];
  private readonly byProcess: readonly (readonly number[])[];
  private readonly nrWords: number;
  private readonly mostStates: number;
  private readonly states: StateBytes;
  private readonly set: SeenSet;
  private readonly trail: Trail;
  private readonly graph: FairGraph | undefined;
  private readonly buckets: BucketQueue;
  /** States that were met. */
  size = 0;
  /** By state: 1 + when it was expanded, 0: it waits. And which was expanded when. */
  private readonly expandedAt: Uint32Array;
  private readonly expanded = new Uint32Array(EXPANSIONS);
  private nrExpanded = 0;
  private lassosAt = LASSOS_AT;

  constructor(
    private readonly model: Model,
    names: readonly string[] | undefined,
    maxBytes: number,
  ) {
    const { properties, processes } = model;
    this.wanted = properties.flatMap(({ name, kind }, i) =>
      kind !== "sometimes" && (names === undefined || names.includes(name)) ? [i] : [],
    );
    const watched = this.wanted.map((p) => properties[p]!);
    this.watch = new Watch({ name: model.name, properties: watched });
    this.byProcess = actionsByProcess(model);
    this.nrWords = strideOf(model) / 4;
    const keyWords = KEY_WORDS * processes.length + 1;
    const row = 4 * (this.nrWords + keyWords + 16) + TRAIL_BYTES;
    this.mostStates = Math.min(MOST_STATES, Math.floor(maxBytes / 2 / row));
    this.states = new StateBytes(new ArrayBuffer(this.mostStates * this.nrWords * 4));
    this.set = SeenSet.reserve(32 * this.mostStates);
    this.trail = Trail.reserve(this.mostStates);
    this.graph = this.watch.eventually.length > 0 ? new FairGraph(model) : undefined;
    this.buckets = new BucketQueue(this.mostStates, keyWords);
    this.expandedAt = new Uint32Array(this.mostStates);
  }

  run(): Found | undefined {
    const { model, buckets, mostStates } = this;
    const { actions } = model;
    if (mostStates === 0) return undefined;
    model.initial();
    this.meet(0, NO_ACTION);
    this.wait(0, 0);
    while (this.nrExpanded < EXPANSIONS && this.size + actions.length <= mostStates) {
      const number = buckets.next();
      if (number === NONE) break;
      const violated = this.expand(number);
      if (violated !== NONE) {
        const path = this.trail.actionsTo(number);
        return { property: this.wanted[violated]!, counterexample: { actions: path } };
      }
      if (this.graph !== undefined && this.nrExpanded >= this.lassosAt) {
        const lasso = this.findLasso(this.graph);
        if (lasso !== undefined) return lasso;
      }
    }
    return this.graph === undefined ? undefined : this.findLasso(this.graph);
  }

  /** Look at a state and take what can be taken there. Returns the property that it violates, an index in `wanted`, or NONE. */
  private expand(number: number): number {
    const { model, watch, graph, states, nrWords, byProcess } = this;
    const at = number * nrWords * 4;
    model.load(states.bytes, at);
    const violated = watch.look(0);
    if (violated !== NONE) return violated;
    this.expanded[this.nrExpanded] = number;
    graph?.begin(this.nrExpanded, watch.misses());
    this.expandedAt[number] = ++this.nrExpanded;
    const first = this.size;
    let canAct = 0;
    for (let p = 0; p < byProcess.length; p++) {
      if (this.take(number, p)) canAct |= 1 << p;
    }
    graph?.end(watch.holdsAmong(canAct));
    this.wait(first, graph?.misses[this.nrExpanded - 1] ?? 0);
    return watch.lookAmong(canAct);
  }

  /** Take those actions of `process` that are enabled in state `number`, the current one, and come back to it. False: there are none. */
  private take(number: number, process: number): boolean {
    const { model, graph } = this;
    const actions = model.candidates?.(process) ?? this.byProcess[process]!;
    const at = number * this.nrWords * 4;
    let isMoved = false;
    let some = false;
    for (let i = 0; i < actions.length; i++) {
      if (isMoved) this.moveBack(process, at);
      isMoved = model.run(actions[i]!);
      if (!isMoved) continue;
      some = true;
      const there = this.meet(number, actions[i]!);
      graph?.edge(actions[i]!, there);
    }
    if (isMoved) this.moveBack(process, at);
    return some;
  }

  /** The states from `first` on wait in their buckets; what they come from `misses` what must happen again and again. */
  private wait(first: number, misses: number): void {
    const { buckets } = this;
    for (let n = first; n < this.size; n++) {
      if (misses !== 0) buckets.keys[(n + 1) * buckets.keyWords - 1] = 0;
      buckets.add(n);
    }
  }

  /** Make the state at `at`, which load() made current, the current one again; actions of `process` were taken since. */
  private moveBack(process: number, at: number): void {
    const { model, states } = this;
    if (model.reload !== undefined) model.reload(process);
    else model.load(states.bytes, at);
  }

  /** The current state was met, from `parent` by `action`. Returns its number; if it is new, it waits in its bucket. */
  private meet(parent: number, action: number): number {
    const { model, states, set, trail, nrWords, size } = this;
    model.store(states.bytes, size * nrWords * 4);
    set.hash(states.words, size * nrWords, nrWords);
    const there = set.add(size);
    if (there !== NEW) return there;
    this.size++;
    if (set.isFull(1)) set.grow();
    trail.parent[size] = parent;
    if (action !== NO_ACTION) trail.action[size] = action;
    this.writeKey(size, parent, action);
    return size;
  }

  /** The current state's key, as that of its parent with one action more: KEY_WORDS a process, and the changes of process. */
  private writeKey(number: number, parent: number, action: number): void {
    const { model, trail } = this;
    const { actions, processes } = model;
    const { keys, keyWords } = this.buckets;
    const at = number * keyWords;
    if (action === NO_ACTION) keys.fill(NO_ACTION, at, at + keyWords - 1);
    else {
      keys.copyWithin(at, parent * keyWords, (parent + 1) * keyWords);
      const { process } = actions[action]!;
      const last = at + KEY_WORDS * process;
      if (keys[last] !== action) {
        keys[last + 1] = keys[last]!;
        keys[last] = action;
      }
      if (parent !== 0 && actions[trail.action[parent]!]!.process !== process) keys[at + keyWords - 1]!++;
    }
    if (model.candidates === undefined) return;
    for (let p = 0; p < processes.length; p++) keys[at + KEY_WORDS * p + 2] = fold(model.candidates(p));
  }

  /** A lasso among the states that were expanded: all their successors are in the graph. */
  private findLasso(graph: FairGraph): Found | undefined {
    const { model, watch, trail, expanded, expandedAt, wanted } = this;
    this.lassosAt = LASSOS_GROWTH * this.nrExpanded;
    const { from, misses, enabled, action, states, edges } = graph;
    // its edges lead to states by the order in which they were met; those that wait come behind all
    const to = graph.to.subarray(0, edges).map((number) => expandedAt[number]! - 1);
    const way = { actionsTo: (at: number) => trail.actionsTo(expanded[at]!) };
    for (const [i, property] of watch.eventually.entries()) {
      const counterexample = findFairLasso(model, { from, misses, enabled, action, states, to }, i, way);
      if (counterexample !== undefined) return { property: wanted[property]!, counterexample };
    }
    return undefined;
  }
}

/** A list of actions as one word: where a process is, for a key. */
function fold(actions: readonly number[]): number {
  let word = actions.length;
  for (let i = 0; i < actions.length; i++) word = Math.imul(word ^ actions[i]!, 0x9e3779b1);
  return word;
}
