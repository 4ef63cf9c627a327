/**
 * What the threads of one exploration share, and how they agree.
 *
 * A level is a list of blocks of 64 state numbers, in an order that does not depend on the threads: that in which one
 * thread alone would have found them. A thread takes the next few blocks of the list, a chunk, and fills blocks of its
 * own with what it finds there. Where two threads find one state, the one that is earlier in the order has it, if need
 * be by taking it over: the other's number is given up (GONE). At the end of the level the filled blocks, chunk
 * by chunk, are the next list.
 *
 * All threads meet where the seen set has to grow, where somebody calls, and at the end of a level; the last to come
 * does what is to be done.
 */
import type { Ended } from "./outcome.js";
import { SeenSet, type SeenSetMemory } from "./seen-set.js";
import { Trail, type TrailMemory } from "./trail.js";

export const BLOCK_BITS = 6;
export const BLOCK = 1 << BLOCK_BITS;

/** Words of the control block. */
export const CTL = {
  /** Threads that wait at the meeting, and how many meetings there were. */
  arrived: 0,
  meetings: 1,
  /** Of those that wait: how many have no chunk to work on. */
  idle: 2,
  /** 1: all are asked to meet. */
  call: 3,
  /** 1: the exploration is to end where it is. */
  stop: 4,
  /** 1 + index in ENDS once it has ended. */
  ended: 5,
  depth: 6,
  /** Next chunk to take, how many there are, and blocks in each. */
  nextChunk: 7,
  chunks: 8,
  chunkBlocks: 9,
  /** First chunk in which something is violated. */
  violatedChunk: 10,
  /** Blocks given out so far; those of this level begin at hereBlock, of the next one at nextBlock. */
  blocks: 11,
  hereBlock: 12,
  nextBlock: 13,
  /** Blocks in this level's list. */
  listed: 14,
  /** States before this level's successors, for the count where something is violated. */
  statesBefore: 15,
  /** Threads that are at work, that asked to be let in, the first among them, and that have counted all and gone. */
  present: 16,
  asked: 17,
  gone: 18,
  /** 1: a thread has failed, and all others are to end. */
  failed: 19,
  words: 20,
} as const;

export const ENDS: readonly Ended[] = ["exhausted", "violated", "depth", "states", "memory", "interrupted"];
export const NO_CHUNK = 0x7fffffff;

/** Per thread: what it counted; the row behind the last thread's: the counts before this level. */
export const TALLY = { transitions: 0, ends: 1, words: 8 } as const;

export interface SharedMemory {
  readonly set: SeenSetMemory;
  readonly trail: TrailMemory;
  readonly frontiers: readonly [SharedArrayBuffer, SharedArrayBuffer];
  readonly control: SharedArrayBuffer;
  readonly tallies: SharedArrayBuffer;
  readonly seen: SharedArrayBuffer;
  /** A row of Watch.violators per thread; the row behind the last thread's: which it is of all. */
  readonly violators: SharedArrayBuffer;
  /** Per block: 1 + the thread whose it is; states in it; the next block of its chunk, biased by one; its place in its level's list. */
  readonly owner: SharedArrayBuffer;
  readonly fill: SharedArrayBuffer;
  readonly link: SharedArrayBuffer;
  readonly place: SharedArrayBuffer;
  /** This level's list of blocks; per chunk its first block, biased by one. */
  readonly list: SharedArrayBuffer;
  readonly first: SharedArrayBuffer;
  /** States that a frontier has room for. */
  readonly room: number;
  readonly workers: number;
}

/** Reserve what `workers` threads need for states of `stride` bytes. */
export function reserveShared(
  maxBytes: number,
  stride: number,
  workers: number,
  nrProperties: number,
  mostPerThread: number,
): SharedMemory {
  const set = SeenSet.reserve(maxBytes);
  while (set.isFull(8 * workers * mostPerThread) && set.grow());
  const numbers = Math.ceil(set.maxStates * 1.25) + 1024 * BLOCK;
  const blocks = Math.ceil(numbers / BLOCK);
  const room = Math.floor(Math.min(maxBytes, 2 ** 31 - 8) / stride / BLOCK) * BLOCK;
  const bytes = (n: number): SharedArrayBuffer => new SharedArrayBuffer(n);
  return {
    set: set.memory,
    trail: Trail.reserve(blocks * BLOCK).memory,
    frontiers: [bytes(room * stride), bytes(room * stride)],
    control: bytes(4 * CTL.words),
    tallies: bytes(8 * TALLY.words * (workers + 1)),
    seen: bytes(4 * Math.max(1, nrProperties)),
    violators: bytes(4 * nrProperties * (workers + 1)),
    owner: bytes(blocks),
    fill: bytes(blocks),
    link: bytes(4 * blocks),
    place: bytes(4 * blocks),
    list: bytes(4 * Math.ceil(room / BLOCK)),
    first: bytes(4 * Math.ceil(room / BLOCK)),
    room,
    workers,
  };
}

/** The same memory as arrays, in one of the threads. */
export class Shared {
  readonly control: Int32Array;
  readonly tallies: Float64Array;
  readonly owner: Uint8Array;
  readonly fill: Uint8Array;
  readonly link: Uint32Array;
  readonly place: Uint32Array;
  readonly list: Uint32Array;
  readonly first: Uint32Array;

  constructor(readonly memory: SharedMemory) {
    this.control = new Int32Array(memory.control);
    this.tallies = new Float64Array(memory.tallies);
    this.owner = new Uint8Array(memory.owner);
    this.fill = new Uint8Array(memory.fill);
    this.link = new Uint32Array(memory.link);
    this.place = new Uint32Array(memory.place);
    this.list = new Uint32Array(memory.list);
    this.first = new Uint32Array(memory.first);
  }

  /** The sum of what the threads counted. */
  total(what: number): number {
    let sum = 0;
    for (let w = 0; w < this.memory.workers; w++) sum += this.tallies[w * TALLY.words + what]!;
    return sum;
  }

  /** Row `index` of the violators: a thread's; from the number of threads on, those of all. */
  violators(index: number): Uint32Array {
    const words = this.memory.violators.byteLength / 4 / (this.memory.workers + 1);
    return new Uint32Array(this.memory.violators, 4 * words * index, words);
  }

  /** Does state `a` of this level come before state `b` in its order? */
  isEarlier(a: number, b: number): boolean {
    const { place } = this;
    const before = place[a >>> BLOCK_BITS]! - place[b >>> BLOCK_BITS]!;
    return before < 0 || (before === 0 && a < b);
  }

  /**
   * Of the states of this level that threads found to violate a property, note the earliest of each: as one thread would have,
   * which stops at the first that ends the exploration. Returns true if there is one.
   */
  settle(ends: readonly boolean[]): boolean {
    const { workers } = this.memory;
    const settled = this.violators(workers);
    const found = Array.from(settled, (_, property) => {
      let first = -1;
      for (let w = 0; w < workers && settled[property] === 0; w++) {
        const violator = this.violators(w)[property]! - 1;
        if (violator >= 0 && (first < 0 || this.isEarlier(violator, first))) first = violator;
      }
      return first;
    });
    const last = found.reduce(
      (least, violator, p) =>
        ends[p]! && violator >= 0 && (least < 0 || this.isEarlier(violator, least)) ? violator : least,
      -1,
    );
    found.forEach((violator, p) => {
      if (violator >= 0 && (last < 0 || !this.isEarlier(last, violator))) settled[p] = violator + 1;
    });
    return last >= 0;
  }

  /** What had been counted before this level. */
  before(what: number): number {
    return this.tallies[this.memory.workers * TALLY.words + what]!;
  }

  /** State 0 is the first level. */
  begin(): void {
    const { control } = this;
    this.fill[0] = 1;
    control[CTL.blocks] = control[CTL.nextBlock] = control[CTL.listed] = 1;
    control[CTL.chunks] = control[CTL.chunkBlocks] = control[CTL.statesBefore] = 1;
    control[CTL.violatedChunk] = NO_CHUNK;
    control[CTL.present] = control[CTL.asked] = 1;
  }

  /** Has it ended, or a thread failed? */
  get isOver(): boolean {
    return this.control[CTL.ended] !== 0 || this.control[CTL.failed] !== 0;
  }

  /** Let all go on that wait at a meeting. */
  endMeeting(): void {
    Atomics.add(this.control, CTL.meetings, 1);
    Atomics.notify(this.control, CTL.meetings);
  }

  /** This thread cannot go on, so that nobody can. */
  fail(): void {
    Atomics.store(this.control, CTL.failed, 1);
    Atomics.store(this.control, CTL.call, 1);
    this.endMeeting();
  }

  /** This thread has counted all that it did. */
  leave(): void {
    Atomics.add(this.control, CTL.gone, 1);
    Atomics.notify(this.control, CTL.gone);
  }

  /** Wait until all have left that were let in, but for the caller. */
  waitForOthers(): void {
    const { control } = this;
    for (;;) {
      const gone = Atomics.load(control, CTL.gone);
      if (gone >= control[CTL.present]! - 1 || control[CTL.failed] !== 0) return;
      Atomics.wait(control, CTL.gone, gone);
    }
  }

  /** All chunks of this level are done: make the list of the next one. */
  nextLevel(states: number): void {
    const { control, list, fill, link, place, first, tallies, memory } = this;
    let listed = 0;
    for (let chunk = 0; chunk < control[CTL.chunks]!; chunk++) {
      for (let block = first[chunk]!; block !== 0; block = link[block - 1]!) {
        if (fill[block - 1] === 0) continue;
        place[block - 1] = listed;
        list[listed++] = block - 1;
      }
      first[chunk] = 0;
    }
    const chunkBlocks = Math.min(MAX_CHUNK, Math.ceil(listed / (16 * memory.workers)));
    control[CTL.listed] = listed;
    control[CTL.chunkBlocks] = chunkBlocks;
    control[CTL.chunks] = listed === 0 ? 0 : Math.ceil(listed / chunkBlocks);
    control[CTL.nextChunk] = 0;
    control[CTL.hereBlock] = control[CTL.nextBlock]!;
    control[CTL.nextBlock] = control[CTL.blocks]!;
    control[CTL.statesBefore] = states;
    const row = memory.workers * TALLY.words;
    tallies[row + TALLY.transitions] = this.total(TALLY.transitions);
    tallies[row + TALLY.ends] = this.total(TALLY.ends);
  }
}

/** Blocks of a chunk at most: few enough that a level ends for all threads at about one time. */
const MAX_CHUNK = 32;
