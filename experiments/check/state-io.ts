/**
 * Bytes of a checked state, written or read by one and the same list of fields.
 */
export class StateIo {
  protected buf: Uint8Array = new Uint8Array(0);
  /** Where in `buf` the next field is. */
  protected p = 0;
  protected storing = false;
  /** Name of each frame, 0 for none; frame of each name; the last name given. */
  protected readonly nameOf: Uint8Array;
  protected readonly frameOf: number[] = [0];
  protected named = 0;

  constructor(nrFrames: number) {
    this.nameOf = new Uint8Array(nrFrames);
  }

  // Fields, whose value is `bias` or more and fits a byte then: a method for each type of array, as one for all were slow.

  protected u8(row: Uint8Array, i: number): void {
    if (this.storing) this.buf[this.p++] = row[i]!;
    else row[i] = this.buf[this.p++]!;
  }

  protected u16(row: Uint16Array, i: number): void {
    if (this.storing) this.buf[this.p++] = row[i]!;
    else row[i] = this.buf[this.p++]!;
  }

  /** -128 to 127. */
  protected i16(row: Int16Array, i: number): void {
    if (this.storing) this.buf[this.p++] = row[i]! + 128;
    else row[i] = this.buf[this.p++]! - 128;
  }

  protected u32(row: Uint32Array, i: number): void {
    if (this.storing) this.buf[this.p++] = row[i]!;
    else row[i] = this.buf[this.p++]!;
  }

  protected i32(row: Int32Array, i: number, bias = 0): void {
    if (this.storing) this.buf[this.p++] = row[i]! - bias;
    else row[i] = this.buf[this.p++]! + bias;
  }

  protected f64(row: Float64Array, i: number): void {
    if (this.storing) this.buf[this.p++] = row[i]!;
    else row[i] = this.buf[this.p++]!;
  }

  /** A field that is a frame; frame64() where the array is of Float64. */
  protected frame(row: Uint32Array, i: number): void {
    if (this.storing) this.buf[this.p++] = this.name(row[i]!);
    else row[i] = this.meet(this.buf[this.p++]!);
  }

  protected frame32(row: Int32Array, i: number): void {
    if (this.storing) this.buf[this.p++] = this.name(row[i]!);
    else row[i] = this.meet(this.buf[this.p++]!);
  }

  protected frame64(row: Float64Array, i: number): void {
    if (this.storing) this.buf[this.p++] = this.name(row[i]!);
    else row[i] = this.meet(this.buf[this.p++]!);
  }

  protected name(frame: number): number {
    if (frame === 0) return 0;
    const known = this.nameOf[frame]!;
    if (known !== 0) return known;
    const name = ++this.named;
    this.nameOf[frame] = name;
    this.frameOf[name] = frame;
    return name;
  }

  protected meet(name: number): number {
    if (name > this.named) this.named = name;
    return this.frameOf[name]!;
  }

  protected wide(row: Uint16Array | Uint32Array, i: number): void {
    if (this.storing) {
      this.buf[this.p++] = row[i]! & 0xff;
      this.buf[this.p++] = row[i]! >>> 8;
    } else {
      row[i] = this.buf[this.p]! | (this.buf[this.p + 1]! << 8);
      this.p += 2;
    }
  }
}
