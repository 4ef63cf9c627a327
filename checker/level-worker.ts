/**
 * One thread of a breadth-first exploration that several share; see shared-search.ts for how they agree.
 */
import { Expander, type ExpanderParts, mostAdded } from "./expander.js";
import type { Bounds, Ended } from "./outcome.js";
import { NEW } from "./seen-set.js";
import { BLOCK, BLOCK_BITS, CTL, ENDS, NO_CHUNK, type Shared, TALLY } from "./shared-search.js";
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
    const { nextStart, waiting, parent, action, me } = this;
    const { owner } = this.shared;
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
        while (!mine && this.isEarlier(parent[lane]!, trail.parent[there]!)) {
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

  /** Does state `a` of this level come before state `b` in its order? */
  private isEarlier(a: number, b: number): boolean {
    const { place } = this.shared;
    const before = place[a >>> BLOCK_BITS]! - place[b >>> BLOCK_BITS]!;
    return before < 0 || (before === 0 && a < b);
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
        this.foundViolation(chunk, at);
        return true;
      }
      this.count();
      if (Atomics.load(control, CTL.violatedChunk) < chunk) return true; // what comes later is of no interest
    }
    expander.endChunk();
    return true;
  }

  private foundViolation(chunk: number, place: number): void {
    const { control, expander, row } = this;
    const { tallies } = this.shared;
    // within a thread chunks ascend, so this one is the earliest only if none was found before
    if (tallies[row + TALLY.violated] === 0) {
      tallies[row + TALLY.place] = place;
      tallies[row + TALLY.violator] = expander.violator;
      tallies[row + TALLY.violated] = expander.violated + 1;
    }
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
  }

  /** All threads wait: do what is to be done. Returns why the exploration ends, if it does. */
  private decide(): Ended | undefined {
    const { control, shared, parts, bounds } = this;
    const { set } = parts;
    if (control[CTL.stop] !== 0) return "interrupted";
    if (control[CTL.idle]! < shared.memory.workers) return this.makeRoom() ? undefined : "memory";
    if (control[CTL.violatedChunk]! !== NO_CHUNK) {
      this.chooseViolation();
      return "violated";
    }
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

  /** The earliest violation of all threads'. */
  private chooseViolation(): void {
    const { control, shared } = this;
    const { tallies } = shared;
    let best = [Infinity, Infinity];
    for (let row = 0; row < shared.memory.workers * TALLY.words; row += TALLY.words) {
      if (tallies[row + TALLY.violated] === 0) continue;
      const place = tallies[row + TALLY.place]!;
      const violator = tallies[row + TALLY.violator]!;
      if (place > best[0]! || (place === best[0] && violator > best[1]!)) continue;
      best = [place, violator];
      control[CTL.violator] = violator;
      control[CTL.violated] = tallies[row + TALLY.violated]! - 1;
    }
  }
}
