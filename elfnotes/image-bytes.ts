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
  /** `within` is said after offsets that are not the file's own, as in " of the unpacked kernel". */
  constructor(
    readonly file: string,
    private readonly held: Uint8Array,
    readonly within = "",
  ) {}

  get length(): number {
    return this.held.length;
  }

  /** All of them, as a view where they are held. */
  get data(): Uint8Array {
    return this.held;
  }

  u8(offset: number, part: string): number {
    return this.slice(offset, 1, part)[0]!;
  }

  u16(offset: number, part: string): number {
    const bytes = this.slice(offset, 2, part);
    return bytes[0]! | (bytes[1]! << 8);
  }

  u32(offset: number, part: string): number {
    return wordOf(this.slice(offset, 4, part), 0);
  }

  u64(offset: number, part: string): bigint {
    const bytes = this.slice(offset, 8, part);
    return (BigInt(wordOf(bytes, 4)) << 32n) | BigInt(wordOf(bytes, 0));
  }

  /** `length` bytes at `offset`, as a view where they are held: nothing is copied. */
  slice(offset: number, length: number, part: string): Uint8Array {
    this.need(offset, length, part);
    return this.at(offset, length);
  }

  /** Copy bytes at `offset`, all of them in the image, to fill `into`. */
  copy(offset: number, into: Uint8Array): void {
    into.set(this.at(offset, into.length));
  }

  /** `length` bytes at `offset`, all of them in the image, as an image of their own. */
  part(offset: number, length: number, within = this.within): ImageBytes {
    return new ImageBytes(this.file, this.at(offset, length), within);
  }

  /** The bytes up to the first NUL, one character each. Mirrors: elf_strval(). */
  string(offset: number, part: string): string {
    this.need(offset, 1, part);
    const bytes = this.at(offset, Math.min(MAX_STRING + 1, this.length - offset));
    const end = bytes.indexOf(0);
    if (end < 0) throw this.bad(offset, `${part} has no end`, CUT_SHORT);
    return Buffer.from(bytes.subarray(0, end)).toString("latin1");
  }

  /** Does the text stand at `offset`? No error if the file ends before. */
  has(offset: number, text: string): boolean {
    if (offset + text.length > this.length) return false;
    const bytes = this.at(offset, text.length);
    return [...text].every((c, i) => bytes[i] === c.charCodeAt(0));
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

  /** Bytes that are in the image. */
  protected at(offset: number, length: number): Uint8Array {
    return this.held.subarray(offset, offset + length);
  }
}

function wordOf(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}
