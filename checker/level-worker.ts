/**
 * One thread of a breadth-first exploration that several share; see shared-search.ts for how they agree.
 */
import { Expander, type ExpanderParts, mostAdded } from "./expander.js";
import type { Model, ModelSource } from "./model.js";
import type { Bounds, Ended } from "./outcome.js";
import { NEW, SeenSet } from "./seen-set.js";
import { BLOCK, BLOCK_BITS, CTL, ENDS, Shared, type SharedMemory, TALLY } from "./shared-search.js";
import { Namer, StateBytes, strideOf } from "./state-bytes.js";
import { GONE, Trail, TRAIL_BYTES } from "./trail.js";
import { Watch } from "./watch.js";

/** What a thread is told; `index` 0 is the thread that began. */
export interface WorkerTask {
  readonly source: ModelSource;
  readonly memory: SharedMemory;
  readonly index: number;
  readonly bounds: Bounds;
  readonly partialOrder: boolean;
  readonly symmetry: boolean;
  readonly until: readonly string[] | undefined;
}

/** No chunk; no meeting. */
const NONE = -1;

/** An expander that writes new states to blocks of its own, and lets the earlier of two finders have a state. */
class SharedExpander extends Expander {
  /** Chunk that is being expanded. */
  private chunk = 0;
  private block = -1;
  private blockEnd = 0;

  constructor(
    parts: ExpanderParts,
    private readonly shared: Shared,
    private readonly me: number,
  ) {
    super(parts);
  }

  beginChunk(chunk: number): void {
    this.chunk = chunk;
    this.block = -1;
    this.blockEnd = this.tail = 0;
  }

  /** All of the chunk is expanded. */
  endChunk(): void {
    this.flush();
    this.closeBlock();
  }

  override flush(first = 0): boolean {
    const { set, trail } = this.parts;
    const { nextStart, waiting, parent, action, me, shared } = this;
    const { owner } = shared;
    let beyond = false;
    let fresh = 0;
    set.fetch(waiting);
    for (let lane = 0; lane < waiting; lane++) {
      if (this.tail === this.blockEnd) this.openBlock();
      const number = this.tail;
      trail.parent[number] = parent[lane]!; // before anybody can find the number
      trail.action[number] = action[lane]!;
      let there = set.addShared(number, lane);
      let mine = there === NEW;
      if (mine) fresh++;
      // what this thread found itself, it found earlier
      else if (there >= nextStart && owner[there >>> BLOCK_BITS] !== me) {
        there = set.foundNumber();
        while (!mine && shared.isEarlier(parent[lane]!, trail.parent[there]!)) {
          mine = set.renumber(there, number);
          if (mine) trail.action[there] = GONE;
          else there = set.foundNumber();
        }
      }
      if (mine) {
        this.keep(lane, number);
        this.tail++;
      }
      if ((mine || there >= nextStart) && lane >= first) beyond = true;
    }
    this.waiting = 0;
    if (fresh > 0) set.count(fresh);
    return beyond;
  }

  private openBlock(): void {
    const { control, first, link, owner } = this.shared;
    const block = Atomics.add(control, CTL.blocks, 1);
    link[block] = 0;
    owner[block] = this.me;
    if (this.block < 0) first[this.chunk] = block + 1;
    else {
      this.closeBlock();
      link[this.block] = block + 1;
    }
    this.block = block;
    this.tail = block * BLOCK;
    this.blockEnd = this.tail + BLOCK;
  }

  private closeBlock(): void {
    if (this.block >= 0) this.shared.fill[this.block] = this.tail - this.block * BLOCK;
  }
}

export class LevelWorker {
  private readonly parts: ExpanderParts;
  private readonly shared: Shared;
  private readonly bounds: Bounds;
  private readonly expander: SharedExpander;
  private readonly frontiers: readonly [StateBytes, StateBytes];
  private readonly stride: number;
  private readonly control: Int32Array;
  private readonly row: number;
  /** States that all threads together may add before the next look at the room there is. */
  private readonly margin: number;
  private readonly settled: Uint32Array;
  private depth = -1;
  private widest = 1;
  /** The chunk that is being expanded, or NONE; where in the list it goes on, and at which state of that block. */
  private chunk = NONE;
  private at = 0;
  private state = 0;
  /** The meeting at which this thread waits for others; NONE, it is at work. */
  private waitsAt = NONE;

  /** A thread of `task`, with a model of its own. */
  constructor(model: Model, task: WorkerTask) {
    const { memory, index, bounds, partialOrder, symmetry, until } = task;
    const shared = new Shared(memory);
    this.shared = shared;
    this.bounds = bounds;
    this.parts = {
      model,
      namer: new Namer(model, symmetry),
      watch: new Watch(model, until, memory.seen, shared.violators(index)),
      set: new SeenSet(memory.set),
      trail: new Trail(memory.trail),
      graph: undefined,
      partialOrder,
    };
    this.expander = new SharedExpander(this.parts, shared, index + 1);
    this.frontiers = [new StateBytes(memory.frontiers[0]), new StateBytes(memory.frontiers[1])];
    this.stride = strideOf(model);
    this.control = shared.control;
    this.row = index * TALLY.words;
    this.settled = shared.violators(memory.workers);
    this.margin = 2 * memory.workers * (mostAdded(model) + BLOCK);
  }

  /** Ask those at work to be let in, and wait until they meet. Returns false if the exploration is over. */
  join(): boolean {
    const { control, shared } = this;
    const ticket = Atomics.add(control, CTL.asked, 1);
    Atomics.store(control, CTL.call, 1);
    for (;;) {
      const meeting = Atomics.load(control, CTL.meetings);
      if (shared.isOver) return false;
      if (Atomics.load(control, CTL.present) > ticket) return true;
      Atomics.wait(control, CTL.meetings, meeting);
    }
  }

  /** Work until the exploration is over, or until `deadline` on performance.now()'s clock, about. Returns true where it is over. */
  run(deadline = Infinity): boolean {
    const { control, expander, shared } = this;
    if (this.depth < 0) this.goOn();
    while (!shared.isOver) {
      if (this.waitsAt === NONE) {
        if (this.chunk !== NONE || this.takeChunk()) this.expandChunk();
        else this.meet(true);
      } else this.wait(deadline);
      if (performance.now() > deadline) return shared.isOver && this.run();
    }
    if (ENDS[control[CTL.ended]! - 1] !== "violated") expander.flush();
    this.count();
    return true;
  }

  private takeChunk(): boolean {
    const { control } = this;
    const chunk = Atomics.add(control, CTL.nextChunk, 1);
    if (chunk >= control[CTL.chunks]! || chunk >= Atomics.load(control, CTL.violatedChunk)) return false;
    this.chunk = chunk;
    this.at = chunk * control[CTL.chunkBlocks]!;
    this.state = 0;
    this.expander.beginChunk(chunk);
    return true;
  }

  /** Expand the chunk, to its end or until all are to meet. */
  private expandChunk(): void {
    const { control, shared, expander, parts, chunk } = this;
    const { trail } = parts;
    const expands = control[CTL.depth]! < this.bounds.maxDepth;
    const end = Math.min(control[CTL.listed]!, (chunk + 1) * control[CTL.chunkBlocks]!);
    for (; this.at < end; this.at++, this.state = 0) {
      const block = shared.list[this.at]!;
      for (; this.state < shared.fill[block]!; this.state++) {
        const number = block * BLOCK + this.state;
        if (trail.action[number] === GONE) continue;
        if (control[CTL.call] !== 0 || this.isTight()) {
          control[CTL.call] = 1;
          return this.meet(false);
        }
        if (expands ? expander.expand(number) : expander.look(number)) continue;
        this.foundViolation(chunk);
        this.chunk = NONE;
        return;
      }
      this.count();
      if (Atomics.load(control, CTL.violatedChunk) < chunk) {
        this.chunk = NONE; // what comes later is of no interest
        return;
      }
    }
    expander.endChunk();
    this.chunk = NONE;
  }

  /** Let no thread begin a chunk behind `chunk`: there, the exploration ends. */
  private foundViolation(chunk: number): void {
    const { control } = this;
    for (;;) {
      const least = Atomics.load(control, CTL.violatedChunk);
      if (least <= chunk || Atomics.compareExchange(control, CTL.violatedChunk, least, chunk) === least)
        return;
    }
  }

  private count(): void {
    const { tallies } = this.shared;
    tallies[this.row + TALLY.transitions] = this.expander.transitions;
    tallies[this.row + TALLY.ends] = this.expander.ends;
  }

  /** Is there too little room for what all threads may add? */
  private isTight(): boolean {
    const { control, margin, shared, parts } = this;
    const numbers = (control[CTL.blocks]! - control[CTL.nextBlock]!) * BLOCK;
    return parts.set.isFull(margin) || numbers + margin > shared.memory.room;
  }

  /** Come to a meeting; `idle`: this thread has no chunk left. The last to come does what is to be done, and all go on. */
  private meet(idle: boolean): void {
    const { control, shared } = this;
    const meeting = Atomics.load(control, CTL.meetings);
    this.count();
    if (idle) Atomics.add(control, CTL.idle, 1);
    if (Atomics.add(control, CTL.arrived, 1) + 1 < Atomics.load(control, CTL.present)) {
      this.waitsAt = meeting;
      return;
    }
    const ended = this.decide();
    if (ended === undefined) Atomics.store(control, CTL.present, Atomics.load(control, CTL.asked));
    else control[CTL.ended] = 1 + ENDS.indexOf(ended);
    control[CTL.idle] = 0;
    control[CTL.call] = 0;
    Atomics.store(control, CTL.arrived, 0);
    shared.endMeeting();
    this.goOn();
  }

  /** Wait for the others. */
  private wait(deadline: number): void {
    const { control, waitsAt, shared } = this;
    while (Atomics.load(control, CTL.meetings) === waitsAt && !shared.isOver) {
      const ms = deadline - performance.now();
      if (ms <= 0) return;
      Atomics.wait(control, CTL.meetings, waitsAt, ms);
    }
    this.waitsAt = NONE;
    this.goOn();
  }

  /** Another thread may have changed what is shared. */
  private goOn(): void {
    this.parts.set.refresh();
    if (this.control[CTL.depth] !== this.depth) this.enterLevel();
  }

  private enterLevel(): void {
    const { control, frontiers, expander } = this;
    this.depth = control[CTL.depth]!;
    const here = frontiers[this.depth & 1]!;
    const next = frontiers[1 - (this.depth & 1)]!;
    expander.level(this.depth, here, control[CTL.hereBlock]! * BLOCK, next, control[CTL.nextBlock]! * BLOCK);
    this.settled.forEach((violator, property) => {
      if (violator !== 0) this.parts.watch.leaveOut(property);
    });
  }

  /** All threads wait: do what is to be done. Returns why the exploration ends, if it does. */
  private decide(): Ended | undefined {
    const { control, shared, parts, bounds } = this;
    const { set } = parts;
    if (control[CTL.stop] !== 0) return "interrupted";
    if (control[CTL.idle]! < control[CTL.present]!) return this.makeRoom() ? undefined : "memory";
    if (shared.settle(parts.watch.ends)) return "violated";
    const numbers = (control[CTL.blocks]! - control[CTL.nextBlock]!) * BLOCK;
    this.widest = Math.max(this.widest, numbers);
    shared.nextLevel(set.size);
    if (control[CTL.listed] === 0) return control[CTL.depth]! < bounds.maxDepth ? "exhausted" : "depth";
    if (set.size > bounds.maxStates) return "states";
    control[CTL.depth]!++;
    return undefined;
  }

  private makeRoom(): boolean {
    const { control, shared, parts, bounds, margin } = this;
    const { set } = parts;
    const numbers = (control[CTL.blocks]! - control[CTL.nextBlock]!) * BLOCK;
    if (numbers + margin > shared.memory.room) return false;
    if (!set.isFull(margin)) return true;
    const frontiers = 2 * Math.max(this.widest, numbers) * this.stride;
    if (2 * set.bytes + set.size * TRAIL_BYTES + frontiers > bounds.maxBytes) return false;
    return set.grow();
  }
}
