/**
 * The one buffer that holds everything which changes in a machine.
 *
 * A class that owns state asks for typed arrays in its constructor and gives them field names. As
 * constructors run in a fixed order, two machines of one geometry have one layout: a snapshot is a copy of
 * the bytes, equality is over bytes, and a worker gets a machine by transfer of its buffer.
 *
 * Shape: [fields in order of construction, each 8-byte aligned]
 * Differs: nothing upstream; the capacity is reserved address space, of which an untouched page costs nothing.
 */
export class State {
  readonly buffer: ArrayBuffer;
  private next = 0;

  /**
   * Reserve `source` bytes, or bind to the bytes of a machine of the same geometry, or only measure: then all
   * arrays are empty, and usedBytes tells what a machine of that geometry takes.
   */
  constructor(private readonly source: number | ArrayBuffer | "measure") {
    this.buffer =
      typeof source === "number"
        ? new ArrayBuffer(source)
        : source === "measure"
          ? new ArrayBuffer(0)
          : source;
  }

  u8(n: number): Uint8Array {
    return new Uint8Array(this.buffer, this.take(n), this.rows(n));
  }

  u16(n: number): Uint16Array {
    return new Uint16Array(this.buffer, this.take(2 * n), this.rows(n));
  }

  i16(n: number): Int16Array {
    return new Int16Array(this.buffer, this.take(2 * n), this.rows(n));
  }

  u32(n: number): Uint32Array {
    return new Uint32Array(this.buffer, this.take(4 * n), this.rows(n));
  }

  i32(n: number): Int32Array {
    return new Int32Array(this.buffer, this.take(4 * n), this.rows(n));
  }

  f64(n: number): Float64Array {
    return new Float64Array(this.buffer, this.take(8 * n), this.rows(n));
  }

  /** Bytes given out so far: the offset of the next field. */
  get usedBytes(): number {
    return this.next;
  }

  private rows(n: number): number {
    return this.source === "measure" ? 0 : n;
  }

  private take(bytes: number): number {
    const at = this.next;
    this.next = Math.ceil((at + bytes) / 8) * 8;
    if (this.source === "measure") return 0;
    if (this.next > this.buffer.byteLength) {
      throw new RangeError(
        `State: field of ${bytes} bytes at ${at} ends beyond ${this.buffer.byteLength}; raise the capacity`,
      );
    }
    return at;
  }
}
