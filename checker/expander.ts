/**
 * One state, and all that can happen next: the inner loop of a breadth-first exploration.
 *
 * A state is looked at when it is expanded, not when it is found: it is the model's current one then in any case.
 *
 * Partial-order reduction: where some process is local (model.ts), its actions alone are taken, if one of them leads to a
 * state that is not in this level or one before. What was put off stays possible there, levels are finite, and each
 * such step goes one level down, so in the end it is taken. This is what the condition on cycles ("C3") has to give, in the
 * form of Bosnacki and Holzmann (SPIN 2005) for a queue; a state that has no such process is expanded fully.
 */
import type { FairGraph } from "./fair-graph.js";
import type { Model } from "./model.js";
import { NEW, type SeenSet } from "./seen-set.js";
import { type Namer, type StateBytes, strideOf } from "./state-bytes.js";
import type { Trail } from "./trail.js";
import { NONE, type Watch } from "./watch.js";

/** Actions of each process, by index. */
export function actionsByProcess(model: Model): readonly (readonly number[])[] {
  return model.processes.map((_, p) =>
    model.actions.flatMap((action, a) => (action.process === p ? [a] : [])),
  );
}

/** What an expander works on; the same for all workers but for the model and its helpers. */
export interface ExpanderParts {
  readonly model: Model;
  readonly namer: Namer;
  readonly watch: Watch;
  readonly set: SeenSet;
  readonly trail: Trail;
  /** Numbers and successors of each state, where `eventually` is asked. */
  readonly graph: FairGraph | undefined;
  readonly partialOrder: boolean;
}

export class Expander {
  /** Transitions taken, and states without any. */
  transitions = 0;
  ends = 0;
  /** Number of the next new state. */
  tail = 0;
  /** The violation that stopped expand(): a state and a property. */
  violator = NONE;
  violated = NONE;

  private here!: StateBytes;
  private hereStart = 0;
  private next!: StateBytes;
  private nextStart = 0;
  private depth = 0;
  private readonly nrWords: number;
  private readonly byProcess: readonly (readonly number[])[];
  private readonly all: readonly number[];

  constructor(private readonly parts: ExpanderParts) {
    const { model } = parts;
    this.nrWords = strideOf(model) / 4;
    this.byProcess = actionsByProcess(model);
    this.all = model.actions.map((_, a) => a);
  }

  /** Expand states of `here` from now on, whose first has number `hereStart`; new ones go to `next`. */
  level(depth: number, here: StateBytes, hereStart: number, next: StateBytes, nextStart: number): void {
    this.depth = depth;
    this.here = here;
    this.hereStart = hereStart;
    this.next = next;
    this.nextStart = nextStart;
    this.tail = nextStart;
  }

  /** Make state `number` of this level the current one, and look at it. Returns false where it violates a property. */
  look(number: number): boolean {
    const { model, watch } = this.parts;
    model.load(this.here.bytes, (number - this.hereStart) * this.nrWords * 4);
    const violated = watch.look(this.depth);
    if (violated === NONE) return true;
    this.violator = number;
    this.violated = violated;
    return false;
  }

  /** Look at state `number` and take what can be taken there. Returns false where it violates a property. */
  expand(number: number): boolean {
    if (!this.look(number)) return false;
    const { graph, partialOrder, watch } = this.parts;
    const before = this.transitions;
    if (graph !== undefined) this.record(graph, number, watch.misses());
    else if (partialOrder) this.reduced(number);
    else this.take(number, this.all);
    if (this.transitions === before) this.ends++;
    return true;
  }

  /** Take those of `actions` that are enabled. Returns true if one leads to a state beyond this level. */
  private take(number: number, actions: readonly number[]): boolean {
    const { model } = this.parts;
    const { bytes } = this.here;
    const at = (number - this.hereStart) * this.nrWords * 4;
    let beyond = false;
    for (let i = 0; i < actions.length; i++) {
      const action = actions[i]!;
      if (!model.run(action)) continue;
      this.transitions++;
      if (this.reach(number, action) >= this.nextStart) beyond = true;
      model.load(bytes, at);
    }
    return beyond;
  }

  private reduced(number: number): void {
    const { model } = this.parts;
    const { byProcess } = this;
    let taken = 0;
    for (let p = 0; p < byProcess.length; p++) {
      if (!model.local!(p)) continue;
      if (this.take(number, byProcess[p]!)) return;
      taken |= 1 << p;
    }
    for (let p = 0; p < byProcess.length; p++) {
      if ((taken & (1 << p)) === 0) this.take(number, byProcess[p]!);
    }
  }

  /** As take() of all actions, with each successor noted. */
  private record(graph: FairGraph, number: number, misses: number): void {
    const { model } = this.parts;
    const { bytes } = this.here;
    const at = (number - this.hereStart) * this.nrWords * 4;
    graph.begin(number, misses);
    for (let action = 0; action < this.all.length; action++) {
      if (!model.run(action)) continue;
      this.transitions++;
      graph.edge(action, this.reach(number, action));
      model.load(bytes, at);
    }
    graph.end();
  }

  /** The current state was reached by `action` from `parent`. Returns its number. */
  private reach(parent: number, action: number): number {
    const { namer, set, trail } = this.parts;
    const { next, nrWords, tail } = this;
    const at = (tail - this.nextStart) * nrWords;
    namer.store(next, at);
    set.hash(next.words, at, nrWords);
    const there = set.add(tail);
    if (there !== NEW) return there;
    trail.parent[tail] = parent;
    trail.action[tail] = action;
    this.tail = tail + 1;
    return tail;
  }
}
