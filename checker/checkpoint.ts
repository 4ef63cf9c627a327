/**
 * An exploration on disk, to be gone on with later.
 *
 * Shape: a line of JSON, padded with spaces to a multiple of 8 bytes, then arrays of bytes one after the other.
 *   The line has `format`, what the exploration wrote about itself, and `lengths`, the bytes of each array.
 * Errors: RangeError naming the file, where it is no whole checkpoint.
 */
import { closeSync, fsyncSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from "node:fs";

const FORMAT = "checkpoint 2";
/** No header of ours is longer. */
const MAX_HEADER = 1 << 20;
/** Bytes written or read at once. */
const PIECE = 1 << 26;

/** Write a checkpoint: under another name first, so that an old one stays whole until the new one is. */
export function writeCheckpoint(file: string, about: object, arrays: readonly Uint8Array[]): void {
  const lengths = arrays.map((array) => array.length);
  const header = JSON.stringify({ format: FORMAT, about, lengths });
  const line = Buffer.from(`${header.padEnd(Math.ceil((header.length + 1) / 8) * 8 - 1)}\n`);
  const half = `${file}.half`;
  const fd = openSync(half, "w");
  try {
    for (const array of [line, ...arrays]) {
      for (let at = 0; at < array.length;) at += writeSync(fd, array, at, Math.min(PIECE, array.length - at));
    }
    fsyncSync(fd);
  } catch (error) {
    rmSync(half, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  renameSync(half, file);
}

/** Read a checkpoint: `place` gets what was written about it, and returns where each array goes. */
export function readCheckpoint(file: string, place: (about: unknown) => readonly Uint8Array[]): void {
  const fd = openSync(file, "r");
  const broken = (): never => {
    throw new RangeError(`${file}: is no whole checkpoint; start without it`);
  };
  try {
    const first = Buffer.alloc(Math.min(MAX_HEADER, statSync(file).size));
    readSync(fd, first, 0, first.length, 0);
    const end = first.indexOf("\n");
    if (end < 0 || !first.subarray(0, end).includes(FORMAT)) return broken();
    const header = JSON.parse(first.toString("utf8", 0, end)) as { about: unknown; lengths: number[] };
    const total = header.lengths.reduce((sum, length) => sum + length, end + 1);
    if (total !== statSync(file).size) return broken();
    let position = end + 1;
    place(header.about).forEach((array, i) => {
      const length = header.lengths[i]!;
      if (array.length < length) {
        throw new RangeError(`${file}: does not fit into the bound on memory; raise it`);
      }
      for (let at = 0; at < length;) {
        const got = readSync(fd, array, at, Math.min(PIECE, length - at), position + at);
        if (got === 0) return broken();
        at += got;
      }
      position += length;
    });
  } finally {
    closeSync(fd);
  }
}
