/**
 * The bytes of an open file, read when they are asked for: a payload goes from the file to where it is unpacked, and
 * touches no memory on its way.
 */
import { readSync } from "node:fs";
import { BadInput } from "../abi/bad-input.js";
import { ImageBytes } from "./image-bytes.js";

/** What is read at least: headers are asked for field by field. */
const WINDOW = 4096;

const NOTHING = new Uint8Array(0);

/** Errors: BadInput where the file cannot be read, or has become shorter, besides those of ImageBytes. */
export class FileBytes extends ImageBytes {
  private window = NOTHING;
  /** Where the window begins. */
  private from = 0;

  /** The `length` bytes from `start` on of the file open as `fd`, which its opener closes. */
  constructor(
    file: string,
    private readonly fd: number,
    private readonly start: number,
    private readonly size: number,
    within?: string,
  ) {
    super(file, NOTHING, within);
  }

  override get length(): number {
    return this.size;
  }

  override get data(): Uint8Array {
    return this.at(0, this.size);
  }

  override copy(offset: number, into: Uint8Array): void {
    for (let done = 0; done < into.length;) {
      const count = this.read(into, done, this.start + offset + done);
      if (count === 0) throw this.bad(offset + done, "the file ends here, it was longer");
      done += count;
    }
  }

  override part(offset: number, length: number, within = this.within): FileBytes {
    return new FileBytes(this.file, this.fd, this.start + offset, length, within);
  }

  protected override at(offset: number, length: number): Uint8Array {
    if (length > WINDOW) {
      const bytes = new Uint8Array(length);
      this.copy(offset, bytes);
      return bytes;
    }
    if (offset < this.from || offset + length > this.from + this.window.length) {
      // A new one: whoever has a view of the last one keeps it.
      this.window = new Uint8Array(Math.min(WINDOW, this.size - offset));
      this.from = offset;
      this.copy(offset, this.window);
    }
    return this.window.subarray(offset - this.from, offset - this.from + length);
  }

  private read(into: Uint8Array, at: number, position: number): number {
    try {
      return readSync(this.fd, into, at, into.length - at, position);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      throw new BadInput(this.file, "", `cannot be read (${code})`, "name a vmlinux or a bzImage");
    }
  }
}
