/**
 * Memory for one machine after the other.
 *
 * A machine reserves some 160 MB and writes to a tenth of it. Where each had memory of its own, the kernel would clear those
 * pages for each anew, and V8, which counts what is reserved, would collect all garbage for each. Here only what was
 * written is cleared.
 */
export class ReusedBytes {
  private buffer = new ArrayBuffer(0);
  /** How many of them the last machine had: what is behind is 0. */
  private taken = 0;

  /** At least `length` bytes, all 0. The machine that had them before is not to be used any more. */
  take(length: number): ArrayBuffer {
    if (this.buffer.byteLength < length) this.buffer = new ArrayBuffer(length);
    else clear(Buffer.from(this.buffer, 0, this.taken));
    this.taken = length;
    return this.buffer;
  }
}

/** Bytes that are looked at together. To write to all of them would make them take memory. */
const BLOCK = 65536;
const ZEROES = Buffer.alloc(BLOCK);

function clear(bytes: Buffer): void {
  for (let start = 0; start < bytes.length; start += BLOCK) {
    const end = Math.min(start + BLOCK, bytes.length);
    if (bytes.compare(ZEROES, 0, end - start, start, end) !== 0) bytes.fill(0, start, end);
  }
}
