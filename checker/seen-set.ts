/**
 * The states that were reached, by 64 bits of hash: hash compaction.
 *
 * A state itself is not kept. Two states with one hash are taken for the same, so that what lies behind the second is
 * missed; collisionOdds() says how likely that is. The table grows in place: all of its address space is reserved at
 * the start, and a page that was never touched costs nothing.
 *
 * Shape: slots of three words, a power of two of them in use, open addressing with linear probing
 *   hash    2 x 32 bits  of the state's words
 *   number  32 bits      1 + the state's number; 0: the slot is empty, -1: a worker is writing it
 * Differs: SPIN's hash compaction (HC4) keeps 32 bits besides the position; here all 64 are kept, so that the table
 *          can grow.
 */

/** Words of a slot. */
const SLOT = 3;
/** add(): the state was not there before. */
export const NEW = -1;
/** States that can be hashed before the first of them is looked up. */
export const LANES = 2048;
/** A table begins with so many slots, and is doubled when it is this full. */
const FIRST_SLOTS = 1 << 14;
const FULL = 0.8;

/** Number of a slot that a thread is writing. */
const BUSY = -1;

/** Multipliers of the two halves of the hash: odd, without pattern. */
const M1 = 0x9e3779b1 | 0;
const M2 = 0x85ebca6b | 0;

/** Where the shared words lie. */
const MASK = 0;
const USED = 1;

/** What another thread needs to work on the same set. */
export interface SeenSetMemory {
  readonly slots: SharedArrayBuffer;
  readonly shared: SharedArrayBuffer;
  readonly maxSlots: number;
}

/** Bytes of a set that has grown to hold `states`. */
export function bytesOfSet(states: number): number {
  let slots = FIRST_SLOTS;
  while (states > FULL * slots) slots *= 2;
  return slots * 4 * SLOT;
}

export class SeenSet {
  private readonly slots: Int32Array;
  private readonly shared: Int32Array;
  private mask: number;
  /** Hashes that wait to be looked up, a lane each. */
  private readonly h1 = new Int32Array(LANES);
  private readonly h2 = new Int32Array(LANES);
  /** Word of the slot in which addShared() found a state. */
  private found = 0;
  /** What fetch() saw; without a use, its loads could be left out. */
  fetched = 0;

  constructor(readonly memory: SeenSetMemory) {
    this.slots = new Int32Array(memory.slots);
    this.shared = new Int32Array(memory.shared);
    this.mask = this.shared[MASK]!;
  }

  /** A set that may grow to `maxBytes`. */
  static reserve(maxBytes: number): SeenSet {
    const maxSlots = Math.max(FIRST_SLOTS, 2 ** Math.min(28, Math.floor(Math.log2(maxBytes / (4 * SLOT)))));
    const shared = new SharedArrayBuffer(8);
    new Int32Array(shared)[MASK] = FIRST_SLOTS - 1;
    return new SeenSet({ slots: new SharedArrayBuffer(maxSlots * 4 * SLOT), shared, maxSlots });
  }

  /** States that it can hold at most. */
  get maxStates(): number {
    return Math.ceil(FULL * this.memory.maxSlots);
  }

  /** States in it. */
  get size(): number {
    return this.shared[USED]!;
  }

  /** Bytes in use, empty slots included. */
  get bytes(): number {
    return (this.shared[MASK]! + 1) * 4 * SLOT;
  }

  /** Share of the slots that hold a state. */
  get load(): number {
    return this.size / (this.shared[MASK]! + 1);
  }

  /** Is it time to grow, `more` states from now? */
  isFull(more: number): boolean {
    return this.shared[USED]! + more > FULL * (this.shared[MASK]! + 1);
  }

  /** The slots in use, as bytes: what a checkpoint keeps. */
  get usedSlots(): Uint8Array {
    return new Uint8Array(this.memory.slots, 0, this.bytes);
  }

  /** Make room for the `bytes` of slots that another set had in use, with `size` states. Returns where they go. */
  restore(bytes: number, size: number): Uint8Array {
    if (bytes > this.memory.slots.byteLength) return new Uint8Array(0);
    this.mask = this.shared[MASK] = bytes / (4 * SLOT) - 1;
    this.shared[USED] = size;
    return this.usedSlots;
  }

  /** Another thread may have grown it. */
  refresh(): void {
    this.mask = this.shared[MASK]!;
  }

  /**
   * Hash the state of `nrWords` words at `at` into lane `lane`, for the calls that follow: one pass, two halves of which
   * the second takes up the first, each step a bijection of both.
   */
  hash(words: Int32Array, at: number, nrWords: number, lane = 0): void {
    let h1 = nrWords;
    let h2 = M2;
    const end = at + nrWords;
    for (let i = at; i < end; i++) {
      const w = words[i]!;
      h1 = Math.imul(h1 ^ w, M1);
      h1 = (h1 << 15) | (h1 >>> 17);
      h2 = Math.imul(h2 ^ ((w << 16) | (w >>> 16)), M2);
      h2 = (((h2 << 13) | (h2 >>> 19)) + h1) | 0;
    }
    h1 = Math.imul(h1 ^ (h2 >>> 16), M2);
    h1 ^= h1 >>> 13;
    h2 = Math.imul(h2 ^ (h2 >>> 15), M1);
    this.h1[lane] = h1;
    this.h2[lane] = (h2 ^ (h2 >>> 14)) + h1;
  }

  /**
   * Bring the slots of lanes 0 to lanes - 1 into the cache. The loads do not depend on each other, so that the
   * processor has many under way; one after the other, each look-up would wait for memory alone.
   */
  fetch(lanes: number): void {
    const { slots, mask, h1 } = this;
    let any = 0;
    for (let lane = 0; lane < lanes; lane++) any |= slots[(h1[lane]! & mask) * SLOT + 2]!;
    this.fetched = any;
  }

  /** Put the state of `lane` in as `number`, if it is not there. Returns NEW, or the number that it has. */
  add(number: number, lane = 0): number {
    const { slots, mask } = this;
    const h1 = this.h1[lane]!;
    const h2 = this.h2[lane]!;
    for (let slot = h1 & mask; ; slot = (slot + 1) & mask) {
      const i = slot * SLOT;
      const there = slots[i + 2]!;
      if (there === 0) {
        slots[i] = h1;
        slots[i + 1] = h2;
        slots[i + 2] = number + 1;
        this.shared[USED]!++;
        return NEW;
      }
      if (slots[i] === h1 && slots[i + 1] === h2) return there - 1;
    }
  }

  /**
   * As add(), while other threads add too. Returns NEW, or the number that it has now; that one keeps until a thread
   * takes it over. The caller counts what is new; see count().
   *
   * A slot's hash is written once, before its number: where both are seen to match, they do. Only what seems to be
   * empty or different is looked at again in order with other threads, which costs a call.
   */
  addShared(number: number, lane: number): number {
    const { slots, mask } = this;
    const h1 = this.h1[lane]!;
    const h2 = this.h2[lane]!;
    for (let slot = h1 & mask; ; slot = (slot + 1) & mask) {
      const i = slot * SLOT;
      let there = slots[i + 2]!;
      if (there <= 0 || slots[i] !== h1 || slots[i + 1] !== h2) {
        there = Atomics.compareExchange(slots, i + 2, 0, BUSY);
        if (there === 0) {
          slots[i] = h1;
          slots[i + 1] = h2;
          Atomics.store(slots, i + 2, number + 1);
          return NEW;
        }
        while (there === BUSY) there = Atomics.load(slots, i + 2);
        if (slots[i] !== h1 || slots[i + 1] !== h2) continue;
      }
      this.found = i;
      return there - 1;
    }
  }

  /** The number of the state that addShared() found, in order with what other threads wrote before they gave it. */
  foundNumber(): number {
    return Atomics.load(this.slots, this.found + 2) - 1;
  }

  /** Give the state that addShared() found under `there` the number `number`. False: another thread has changed it since. */
  renumber(there: number, number: number): boolean {
    return Atomics.compareExchange(this.slots, this.found + 2, there + 1, number + 1) === there + 1;
  }

  /** `more` states were new to addShared(). */
  count(more: number): void {
    Atomics.add(this.shared, USED, more);
  }

  /** The number of the state in lane 0, or NEW if it is not there. */
  find(): number {
    const { slots, mask } = this;
    const h1 = this.h1[0]!;
    const h2 = this.h2[0]!;
    for (let slot = h1 & mask; ; slot = (slot + 1) & mask) {
      const i = slot * SLOT;
      const there = slots[i + 2]!;
      if (there === 0) return NEW;
      if (slots[i] === h1 && slots[i + 1] === h2) return there - 1;
    }
  }

  /**
   * Double the slots in use. Returns false if the reserve is used up.
   *
   * In place: an entry moves down, or to the upper half, and in ascending order it never passes one that has not moved
   * yet. What would wrap around waits until all others have moved.
   */
  grow(): boolean {
    const { slots } = this;
    const old = this.shared[MASK]! + 1;
    if (2 * old > this.memory.maxSlots) return false;
    const end = 2 * old;
    const late: number[] = [];
    let first = 0;
    for (; slots[first * SLOT + 2] !== 0; first++) take(slots, first, late);
    for (let from = first + 1; from < old; from++) {
      const i = from * SLOT;
      const there = slots[i + 2]!;
      if (there === 0) continue;
      slots[i + 2] = 0;
      let to = slots[i]! & (end - 1);
      while (to < end && slots[to * SLOT + 2] !== 0) to++;
      if (to === end) late.push(slots[i]!, slots[i + 1]!, there);
      else put(slots, to, slots[i]!, slots[i + 1]!, there);
    }
    for (let i = 0; i < late.length; i += SLOT) {
      let to = late[i]! & (end - 1);
      while (slots[to * SLOT + 2] !== 0) to = (to + 1) & (end - 1);
      put(slots, to, late[i]!, late[i + 1]!, late[i + 2]!);
    }
    this.mask = this.shared[MASK] = end - 1;
    return true;
  }
}

function take(slots: Int32Array, slot: number, to: number[]): void {
  const i = slot * SLOT;
  to.push(slots[i]!, slots[i + 1]!, slots[i + 2]!);
  slots[i + 2] = 0;
}

function put(slots: Int32Array, slot: number, h1: number, h2: number, there: number): void {
  const i = slot * SLOT;
  slots[i] = h1;
  slots[i + 1] = h2;
  slots[i + 2] = there;
}

/**
 * How likely it is that among `states` states any two have one hash of 64 bits: at most n(n-1)/2 pairs, each with
 * 2^-64 if the hash is as good as a random one.
 */
export function collisionOdds(states: number): number {
  return Math.min(1, (states * (states - 1)) / 2 ** 65);
}
