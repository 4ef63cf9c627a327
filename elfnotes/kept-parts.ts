/**
 * A kernel of which unpacking keeps the headers and the notes that they point to, and lets go of the rest: what is
 * not kept takes no memory. A reader who wants more gets NotKept, and unpacks all.
 */
import { notePlaces, type Place } from "./elf.js";
import { ImageBytes } from "./image-bytes.js";

/** Thrown where bytes are read that were not kept. */
export class NotKept extends Error {}

export class KeptParts {
  /** What was unpacked. */
  length = 0;
  private places: readonly Place[] = [];
  private readonly parts: { readonly offset: number; readonly bytes: Uint8Array }[] = [];

  /**
   * The next bytes of the kernel, in order. The first ones have to have its headers.
   *
   * Errors: BadInput, if they have not.
   */
  take(bytes: Uint8Array): void {
    const from = this.length;
    if (from === 0) this.places = notePlaces(new ImageBytes("", bytes));
    this.length += bytes.length;
    for (const { offset, length } of this.places) {
      const start = Math.max(offset, from);
      const end = Math.min(offset + length, this.length);
      if (start < end) this.parts.push({ offset: start, bytes: bytes.slice(start - from, end - from) });
    }
  }

  /** `length` bytes from `offset` on, zeros where nothing was kept. */
  at(offset: number, length: number): Uint8Array {
    const into = new Uint8Array(length);
    for (const part of this.parts) {
      const start = Math.max(part.offset, offset);
      const end = Math.min(part.offset + part.bytes.length, offset + length);
      if (start < end) into.set(part.bytes.subarray(start - part.offset, end - part.offset), start - offset);
    }
    return into;
  }

  has(offset: number, length: number): boolean {
    return this.places.some(
      (place) => place.offset <= offset && offset + length <= place.offset + place.length,
    );
  }
}

const NOTHING = new Uint8Array(0);

/** Errors: NotKept, besides those of ImageBytes. */
export class PartlyKept extends ImageBytes {
  constructor(
    file: string,
    private readonly kept: KeptParts,
    within: string,
  ) {
    super(file, NOTHING, within);
  }

  override get length(): number {
    return this.kept.length;
  }

  override get data(): Uint8Array {
    throw new NotKept();
  }

  override need(offset: number, length: number, part: string): void {
    super.need(offset, length, part);
    this.needKept(offset, length);
  }

  override has(offset: number, text: string): boolean {
    this.needKept(offset, text.length);
    return super.has(offset, text);
  }

  override string(offset: number, part: string): string {
    const text = super.string(offset, part);
    this.needKept(offset, text.length + 1);
    return text;
  }

  protected override at(offset: number, length: number): Uint8Array {
    return this.kept.at(offset, length);
  }

  private needKept(offset: number, length: number): void {
    if (length > 0 && !this.kept.has(offset, length)) throw new NotKept();
  }
}
