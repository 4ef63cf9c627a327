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
import { LANES, NEW, type SeenSet } from "./seen-set.js";
import { type Namer, StateBytes, strideOf } from "./state-bytes.js";
import type { Trail } from "./trail.js";
import { NONE, type Watch } from "./watch.js";

/** Successors that are found before they are looked up together: enough for memory to be busy, few enough for the cache. */
const BATCH = 64;

/** Actions of each process, by index. */
export function actionsByProcess(model: Model): readonly (readonly number[])[] {
  return model.processes.map((_, p) =>
    model.actions.flatMap((action, a) => (action.process === p ? [a] : [])),
  );
}

/** States that one call of expand() adds at most: there must be room for them. */
export function mostAdded(model: Model): number {
  return BATCH + model.actions.length;
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
  /** Number of the next new state; see flush(). */
  tail = 0;

  protected next!: StateBytes;
  protected nextStart = 0;
  protected readonly nrWords: number;
  /** Successors that wait to be looked up, a lane each: their states, where they come from, and by what. */
  protected waiting = 0;
  protected readonly pool: StateBytes;
  protected readonly parent = new Uint32Array(LANES);
  protected readonly action = new Uint16Array(LANES);
  private here!: StateBytes;
  private hereStart = 0;
  private depth = 0;
  private readonly byProcess: readonly (readonly number[])[];
  /** The process whose action made the current state another one than look() made current; or NONE. */
  private moved = NONE;
  /** Processes that took an action in the state that is being expanded, a bit each, and all. */
  private canAct = 0;
  private readonly allAct: number;

  constructor(protected readonly parts: ExpanderParts) {
    const { model } = parts;
    this.nrWords = strideOf(model) / 4;
    this.pool = new StateBytes(new ArrayBuffer(LANES * this.nrWords * 4));
    this.byProcess = actionsByProcess(model);
    this.allAct = 2 ** model.processes.length - 1;
    if (mostAdded(model) > LANES || model.processes.length > 31) {
      throw new RangeError(
        `${model.name}: more than ${LANES - BATCH} actions, or 31 processes; split the model`,
      );
    }
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

  /** Make state `number` of this level the current one, and look at it. Returns false where that ends the exploration. */
  look(number: number): boolean {
    const { model, watch } = this.parts;
    model.load(this.here.bytes, (number - this.hereStart) * this.nrWords * 4);
    this.moved = NONE;
    return watch.passes(this.depth, number);
  }

  /** Look at state `number` and take what can be taken there. Returns false where that ends the exploration. */
  expand(number: number): boolean {
    if (!this.look(number)) return false;
    const { graph, partialOrder, watch } = this.parts;
    const before = this.transitions;
    this.canAct = 0;
    if (graph !== undefined) {
      graph.begin(number, watch.misses());
      this.takeAll(number);
      this.flush();
      graph.end(this.canAct === this.allAct ? watch.eventuallyAmong : this.holdsAmong(number));
    } else if (partialOrder) this.reduced(number);
    else {
      this.takeAll(number);
      if (this.waiting >= BATCH) this.flush();
    }
    if (this.transitions === before) this.ends++;
    return !watch.asksWhoCanAct || this.canAct === this.allAct || this.lookAmong(number);
  }

  /** All actions were tried: the `eventually` properties that depend on who can act, and hold. Where all can, all do. */
  private holdsAmong(number: number): number {
    const { watch } = this.parts;
    if (!watch.asksWhoCanAct) return 0;
    this.moveBack(number);
    return watch.holdsAmong(this.canAct);
  }

  /** The same of `always`: look at those. */
  private lookAmong(number: number): boolean {
    this.moveBack(number);
    return this.parts.watch.passesAmong(this.canAct, number);
  }

  /** Look the successors that wait up. Returns true if one of those from `first` on lies beyond this level. */
  flush(first = 0): boolean {
    const { set, trail, graph } = this.parts;
    const { nextStart, waiting, parent, action } = this;
    let beyond = false;
    set.fetch(waiting);
    for (let lane = 0; lane < waiting; lane++) {
      let there = set.add(this.tail, lane);
      if (there === NEW) {
        there = this.tail++;
        trail.parent[there] = parent[lane]!;
        trail.action[there] = action[lane]!;
        this.keep(lane, there);
      }
      if (there >= nextStart && lane >= first) beyond = true;
      if (graph !== undefined) graph.edge(action[lane]!, there);
    }
    this.waiting = 0;
    return beyond;
  }

  /** Copy the state of `lane` to the next level. */
  protected keep(lane: number, number: number): void {
    const { nrWords } = this;
    const from = this.pool.words;
    const to = this.next.words;
    let i = lane * nrWords;
    let k = (number - this.nextStart) * nrWords;
    for (const end = i + nrWords; i < end; i++) to[k++] = from[i]!;
  }

  private takeAll(number: number): void {
    for (let p = 0; p < this.byProcess.length; p++) this.take(number, p);
  }

  /** Make state `number`, which look() made current, the current one again. */
  private moveBack(number: number): void {
    const { model } = this.parts;
    if (this.moved === NONE) return;
    if (model.reload !== undefined) model.reload(this.moved);
    else model.load(this.here.bytes, (number - this.hereStart) * this.nrWords * 4);
    this.moved = NONE;
  }

  /** Take those actions of `process` that are enabled: their states wait to be looked up. */
  private take(number: number, process: number): void {
    const { model, namer, set } = this.parts;
    const { pool, nrWords, parent } = this;
    this.moveBack(number);
    const actions = model.candidates === undefined ? this.byProcess[process]! : model.candidates(process);
    let lane = this.waiting;
    let to = lane * nrWords;
    for (let i = 0; i < actions.length; i++) {
      const action = actions[i]!;
      this.moveBack(number);
      if (!model.run(action)) continue;
      this.moved = process;
      namer.store(pool, to);
      set.hash(pool.words, to, nrWords, lane);
      parent[lane] = number;
      this.action[lane] = action;
      lane++;
      to += nrWords;
    }
    if (lane > this.waiting) this.canAct |= 1 << process;
    this.transitions += lane - this.waiting;
    this.waiting = lane;
  }

  private reduced(number: number): void {
    const { model } = this.parts;
    const { byProcess } = this;
    let taken = 0;
    for (let p = 0; p < byProcess.length; p++) {
      this.moveBack(number);
      if (!model.local!(p)) continue;
      const first = this.waiting;
      this.take(number, p);
      if (this.flush(first)) {
        this.canAct = this.allAct; // no property can tell
        return;
      }
      taken |= 1 << p;
    }
    for (let p = 0; p < byProcess.length; p++) {
      if ((taken & (1 << p)) === 0) this.take(number, p);
    }
    if (this.waiting >= BATCH) this.flush();
  }
}
