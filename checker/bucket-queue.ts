/**
 * States that wait, in buckets by a key of a few words: next is one of a bucket that was asked the fewest times.
 *
 * Shape: a row per state number
 *   keys    Int32Array   `keyWords` words: its key; the last of them decides among buckets that were asked as often
 *   below   Uint32Array  1 + the state that came to its bucket before it, 0 for none
 * and a row per bucket, numbered in the order in which they came
 *   top     Uint32Array  1 + the state that came last, 0: the bucket is empty
 *   rank    Float64Array times that it was asked, then the last word of its key
 */
import { NEW, SeenSet } from "./seen-set.js";
import { NONE } from "./watch.js";

/** What one time of being asked counts, against the last word of a key. */
const ASKED = 2 ** 20;

export class BucketQueue {
  readonly keys: Int32Array;
  private readonly below: Uint32Array;
  private readonly top: Uint32Array;
  private readonly rank: Float64Array;
  private readonly set: SeenSet;
  /** Buckets that are not empty, as a binary heap: the one that is asked next is its first. */
  private readonly heap: Uint32Array;
  private waiting = 0;

  constructor(
    mostStates: number,
    readonly keyWords: number,
  ) {
    this.keys = new Int32Array(mostStates * keyWords);
    this.below = new Uint32Array(mostStates);
    this.top = new Uint32Array(mostStates);
    this.rank = new Float64Array(mostStates);
    this.heap = new Uint32Array(mostStates);
    this.set = SeenSet.reserve(32 * mostStates);
  }

  /** Put state `number` in the bucket of the key in its row. */
  add(number: number): void {
    const { keys, keyWords, set, top, below, rank } = this;
    if (set.isFull(1)) set.grow();
    set.hash(keys, number * keyWords, keyWords);
    let bucket = set.add(set.size);
    if (bucket === NEW) {
      bucket = set.size - 1;
      rank[bucket] = Math.min(keys[(number + 1) * keyWords - 1]!, ASKED - 1);
    }
    below[number] = top[bucket]!;
    if (top[bucket] === 0) this.rise(bucket, this.waiting++);
    top[bucket] = number + 1;
  }

  /** Take out the next state; NONE where none waits. */
  next(): number {
    const { top, below, rank, heap } = this;
    if (this.waiting === 0) return NONE;
    const bucket = heap[0]!;
    const number = top[bucket]! - 1;
    top[bucket] = below[number]!;
    rank[bucket]! += ASKED;
    if (top[bucket] !== 0) this.sink(bucket);
    else if (--this.waiting > 0) this.sink(heap[this.waiting]!);
    return number;
  }

  private isBefore(a: number, b: number): boolean {
    const { rank } = this;
    return rank[a] === rank[b] ? a < b : rank[a]! < rank[b]!;
  }

  /** Put `bucket` at place `at` of the heap, or above. */
  private rise(bucket: number, at: number): void {
    const { heap } = this;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!this.isBefore(bucket, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = bucket;
  }

  /** Put `bucket` at the first place of the heap, or beneath. */
  private sink(bucket: number): void {
    const { heap, waiting } = this;
    let at = 0;
    for (;;) {
      let beneath = 2 * at + 1;
      if (beneath >= waiting) break;
      if (beneath + 1 < waiting && this.isBefore(heap[beneath + 1]!, heap[beneath]!)) beneath++;
      if (!this.isBefore(heap[beneath]!, bucket)) break;
      heap[at] = heap[beneath]!;
      at = beneath;
    }
    heap[at] = bucket;
  }
}
