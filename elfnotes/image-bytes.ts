/**
 * The bytes of an image, read with bounds: what lies outside of the file is bad input, never undefined.
 *
 * Mirrors: elf_access_ok() and elf_access_unsigned(), xen/common/libelf/libelf-tools.c.
 * Differs: libelf reads zero outside of the image and marks it broken; here the first such read ends it.
 */
import { BadInput } from "../abi/bad-input.js";

/** Strings in an image end with NUL, at most so far away. Mirrors: ELF_MAX_STRING_LENGTH. */
const MAX_STRING = 4096;

const CUT_SHORT = "the image is cut short or damaged; copy or build it again";

export class ImageBytes {
  private readonly view: DataView;

  /** `within` is said after offsets that are not the file's own, as in " of the unpacked kernel". */
  constructor(
    readonly file: string,
    readonly data: Uint8Array,
    readonly within = "",
  ) {
    this.view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  get length(): number {
    return this.data.length;
  }

  u8(offset: number, part: string): number {
    this.need(offset, 1, part);
    return this.view.getUint8(offset);
  }

  u16(offset: number, part: string): number {
    this.need(offset, 2, part);
    return this.view.getUint16(offset, true);
  }

  u32(offset: number, part: string): number {
    this.need(offset, 4, part);
    return this.view.getUint32(offset, true);
  }

  u64(offset: number, part: string): bigint {
    this.need(offset, 8, part);
    return this.view.getBigUint64(offset, true);
  }

  /** `length` bytes at `offset`, as a view: nothing is copied. */
  slice(offset: number, length: number, part: string): Uint8Array {
    this.need(offset, length, part);
    return this.data.subarray(offset, offset + length);
  }

  /** The bytes up to the first NUL, one character each. Mirrors: elf_strval(). */
  string(offset: number, part: string): string {
    this.need(offset, 1, part);
    const end = this.data.indexOf(0, offset);
    if (end < 0 || end - offset > MAX_STRING) throw this.bad(offset, `${part} has no end`, CUT_SHORT);
    return Buffer.from(this.data.subarray(offset, end)).toString("latin1");
  }

  /** Does the text stand at `offset`? No error if the file ends before. */
  has(offset: number, text: string): boolean {
    return [...text].every((c, i) => this.data[offset + i] === c.charCodeAt(0));
  }

  /** Errors: BadInput, if one of the `length` bytes at `offset` is not in the file. */
  need(offset: number, length: number, part: string): void {
    if (offset + length <= this.length) return;
    const missing = `${part} (${length} bytes) goes beyond the end (0x${this.length.toString(16)})`;
    throw this.bad(offset, missing, CUT_SHORT);
  }

  /** The error that names the file, `offset`, what is wrong there and what to do. */
  bad(offset: number, what: string, remedy = CUT_SHORT): BadInput {
    return new BadInput(this.file, `offset 0x${offset.toString(16)}${this.within}`, what, remedy);
  }
}
