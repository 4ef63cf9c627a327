/**
 * Room for what is unpacked, that grows with it: a size that a damaged image gives is a hint, never an allocation.
 *
 * Memory stays below three times what has really been unpacked, or 8 times the packed kernel, whichever is more.
 */
import type { ImageBytes } from "./image-bytes.js";

/** What a kernel may unpack to, in multiples of its packed size, before that has to be seen to be believed. */
const BELIEVED_RATIO = 8;

const SMALLEST = 2 ** 16;

export class UnpackedBytes {
  /** Written up to `length` by the decoder. */
  data: Uint8Array;
  length = 0;

  /** Of `packed`, to at most `limit` bytes; `expected` of them, where that is said. */
  constructor(
    private readonly packed: ImageBytes,
    private readonly limit: number,
    expected?: number,
  ) {
    const believed = Math.max(SMALLEST, packed.length * BELIEVED_RATIO);
    this.data = new Uint8Array(Math.min(limit, believed, expected ?? packed.length * 4));
  }

  /**
   * Make room for `count` bytes more, and return where they go; `offset` is that of what they are unpacked from.
   *
   * Errors: BadInput, if they are more than the limit allows.
   */
  room(count: number, offset: number): Uint8Array {
    const needed = this.length + count;
    if (needed <= this.data.length) return this.data;
    if (needed > this.limit) {
      throw this.packed.bad(
        offset,
        `unpacks to more than ${this.limit} bytes`,
        "the size behind the kernel, or its stream, is damaged; copy or build it again",
      );
    }
    const larger = new Uint8Array(Math.min(this.limit, Math.max(needed, this.data.length * 2, SMALLEST)));
    larger.set(this.data.subarray(0, this.length));
    this.data = larger;
    return larger;
  }

  /** What was written. */
  get whole(): Uint8Array {
    return this.data.subarray(0, this.length);
  }
}

/** Copy `length` bytes that begin `distance` before `at`, where those written now may be among them. */
export function copyMatch(data: Uint8Array, at: number, distance: number, length: number): void {
  if (distance >= length && length > 32) data.copyWithin(at, at - distance, at - distance + length);
  else if (distance === 1) data.fill(data[at - 1]!, at, at + length);
  else for (let i = at; i < at + length; i++) data[i] = data[i - distance]!;
}
