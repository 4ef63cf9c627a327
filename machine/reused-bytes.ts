/**
 * Memory for one machine after the other.
 *
 * A machine reserves some 160 MB and writes to a tenth of it. Where each had memory of its own, the kernel would clear those
 * pages for each anew, and V8, which counts what is reserved, would collect all garbage for each. Here only what was
 * written is cleared; what the machine knows that it has not written is not even looked at, as a page that is only read takes a fault
 * and a place in the TLB too.
 */
export class ReusedBytes {
  private buffer = new ArrayBuffer(0);
  /** How many of them the last machine had: what is behind is 0. */
  private taken = 0;
  private unwritten: () => ByteRange = () => [0, 0];

  /**
   * At least `length` bytes, all 0. The machine that had them before is not to be used any more. The one that has them now is asked
   * for those that it has not written, when they are taken again.
   */
  take(length: number, unwritten: () => ByteRange): ArrayBuffer {
    if (this.buffer.byteLength < length) this.buffer = new ArrayBuffer(length);
    else {
      const [from, to] = this.unwritten();
      clear(Buffer.from(this.buffer, 0, from));
      clear(Buffer.from(this.buffer, to, this.taken - to));
    }
    this.taken = length;
    this.unwritten = unwritten;
    return this.buffer;
  }
}

/** Bytes from..to-1. */
export type ByteRange = readonly [from: number, to: number];

/** Bytes that are looked at together. To write to all of them would make them take memory. */
const BLOCK = 65536;
const ZEROES = Buffer.alloc(BLOCK);

function clear(bytes: Buffer): void {
  for (let start = 0; start < bytes.length; start += BLOCK) {
    const end = Math.min(start + BLOCK, bytes.length);
    if (bytes.compare(ZEROES, 0, end - start, start, end) !== 0) bytes.fill(0, start, end);
  }
}
