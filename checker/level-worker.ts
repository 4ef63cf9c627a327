/**
 * One thread of a breadth-first exploration that several share; see shared-search.ts for how they agree.
 */
import { Expander, type ExpanderParts, mostAdded } from "./expander.js";
import type { Bounds, Ended } from "./outcome.js";
import { NEW } from "./seen-set.js";
import { BLOCK, BLOCK_BITS, CTL, ENDS, type Shared, TALLY } from "./shared-search.js";
import { StateBytes, strideOf } from "./state-bytes.js";
import { GONE, TRAIL_BYTES } from "./trail.js";

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

  constructor(
    private readonly parts: ExpanderParts,
    private readonly shared: Shared,
    index: number,
    private readonly bounds: Bounds,
  ) {
    const { memory } = shared;
    this.expander = new SharedExpander(parts, shared, index + 1);
    this.frontiers = [new StateBytes(memory.frontiers[0]), new StateBytes(memory.frontiers[1])];
    this.stride = strideOf(parts.model);
    this.control = shared.control;
    this.row = index * TALLY.words;
    this.settled = shared.violators(memory.workers);
    this.margin = 2 * memory.workers * (mostAdded(parts.model) + BLOCK);
  }

  /** Work until the exploration has ended. */
  run(): void {
    const { control, expander } = this;
    this.enterLevel();
    for (;;) {
      const chunk = Atomics.add(control, CTL.nextChunk, 1);
      if (chunk < control[CTL.chunks]! && chunk < Atomics.load(control, CTL.violatedChunk)) {
        if (!this.expandChunk(chunk)) break;
      } else if (!this.meet(true)) break;
    }
    if (ENDS[control[CTL.ended]! - 1] !== "violated") expander.flush();
    this.count();
  }

  /** Expand a chunk. Returns false if the exploration ended meanwhile. */
  private expandChunk(chunk: number): boolean {
    const { control, shared, expander, parts } = this;
    const { trail } = parts;
    const expands = control[CTL.depth]! < this.bounds.maxDepth;
    const size = control[CTL.chunkBlocks]!;
    const end = Math.min(control[CTL.listed]!, (chunk + 1) * size);
    expander.beginChunk(chunk);
    for (let at = chunk * size; at < end; at++) {
      const block = shared.list[at]!;
      const start = block * BLOCK;
      const last = start + shared.fill[block]!;
      for (let number = start; number < last; number++) {
        if (trail.action[number] === GONE) continue;
        if (control[CTL.call] !== 0 || this.isTight()) {
          control[CTL.call] = 1;
          if (!this.meet(false)) return false;
        }
        if (expands ? expander.expand(number) : expander.look(number)) continue;
        this.foundViolation(chunk);
        return true;
      }
      this.count();
      if (Atomics.load(control, CTL.violatedChunk) < chunk) return true; // what comes later is of no interest
    }
    expander.endChunk();
    return true;
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

  /** Wait for all threads; `idle`: this one has no chunk left. Returns false if the exploration has ended. */
  private meet(idle: boolean): boolean {
    const { control, shared, parts } = this;
    const meeting = Atomics.load(control, CTL.meetings);
    this.count();
    if (idle) Atomics.add(control, CTL.idle, 1);
    if (Atomics.add(control, CTL.arrived, 1) + 1 === shared.memory.workers) {
      const ended = this.decide();
      if (ended !== undefined) control[CTL.ended] = 1 + ENDS.indexOf(ended);
      control[CTL.idle] = 0;
      control[CTL.call] = 0;
      Atomics.store(control, CTL.arrived, 0);
      Atomics.add(control, CTL.meetings, 1);
      Atomics.notify(control, CTL.meetings);
    } else while (Atomics.wait(control, CTL.meetings, meeting) === "ok");
    parts.set.refresh();
    if (control[CTL.ended] !== 0) return false;
    if (control[CTL.depth] !== this.depth) this.enterLevel();
    return true;
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
    if (control[CTL.idle]! < shared.memory.workers) return this.makeRoom() ? undefined : "memory";
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
