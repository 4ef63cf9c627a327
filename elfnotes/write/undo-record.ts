/**
 * What an edit of an image replaced, kept behind what it added, so that the edit can be undone to the byte.
 *
 *     replaced bytes, each as u32 offset, u32 length, bytes | u32 original size | u32 size of the record | magic
 *
 * Loaders of ELF and bzImage read what headers point to, and so never look at it.
 */
import type { ImageBytes } from "../image-bytes.js";

const MAGIC = Buffer.from("pvtwinU1", "latin1");
const TRAILER = 4 + 4 + MAGIC.length;

/** Bytes to be put at an offset. */
export interface Patch {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** The record for `patches` to `original`, of whose size the record's is a multiple of 4. */
export function undoRecord(original: Uint8Array, patches: readonly Patch[]): Buffer {
  const parts = patches.flatMap(({ offset, bytes }) => [
    u32(offset),
    u32(bytes.length),
    Buffer.from(original.subarray(offset, offset + bytes.length)),
  ]);
  const size = parts.reduce((sum, part) => sum + part.length, TRAILER);
  return Buffer.concat([...parts, u32(original.length), u32(size), MAGIC]);
}

/** The image before the edit whose record ends at `end`; undefined where no record does. */
export function undone(image: ImageBytes, end: number): Buffer | undefined {
  if (end < TRAILER || !image.has(end - MAGIC.length, MAGIC.toString("latin1"))) return undefined;
  const part = "the record of what was edited";
  const size = image.u32(end - MAGIC.length - 4, part);
  const originalSize = image.u32(end - TRAILER, part);
  const start = end - size;
  if (size < TRAILER || start < originalSize) {
    throw image.bad(end - TRAILER, `${part} has wrong sizes`, "edit the image that it was made of");
  }
  const original = Buffer.from(image.slice(0, originalSize, part));
  for (let at = start; at < end - TRAILER;) {
    const offset = image.u32(at, part);
    const bytes = image.slice(at + 8, image.u32(at + 4, part), part);
    if (offset + bytes.length > originalSize) {
      throw image.bad(at, `${part} goes beyond the image`, "edit the image that it was made of");
    }
    original.set(bytes, offset);
    at += 8 + bytes.length;
  }
  return original;
}

/** A copy of `original` with the patches, padded to a multiple of `alignment`. */
export function patched(original: Uint8Array, patches: readonly Patch[], alignment: number): Buffer {
  const copy = Buffer.alloc(Math.ceil(original.length / alignment) * alignment);
  copy.set(original);
  for (const { offset, bytes } of patches) copy.set(bytes, offset);
  return copy;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}
