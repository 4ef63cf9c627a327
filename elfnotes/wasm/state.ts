/**
 * Where a decoder stands, for whoever calls it. One instance unpacks one payload, so there is one of each.
 *
 * The files of this folder are AssemblyScript, which asc compiles to dist/elfnotes/decoders.wasm: loops over bits
 * and bytes run there at the speed of the reference tools, and what a damaged payload makes them do stays within
 * the memory of the instance. Addresses are of that memory; ../wasm-decoder.ts lays it out.
 */

/** What a decoder returns; values from 16 on are failures of its own. */
export const DONE: u32 = 0;
/** It stopped at the end of the room that it was given, between two symbols. */
export const MORE: u32 = 1;

/** Address of the next byte to read; after a failure, of the structure that is wrong. */
export let from: u32 = 0;

/** Address of the next byte to write. */
export let to: u32 = 0;

/** What the message of a failure says besides. */
export let detail: u32 = 0;

export function moved(nextFrom: u32, nextTo: u32): void {
  from = nextFrom;
  to = nextTo;
}

/** Returns `failure`, for its caller to return. */
export function failed(failure: u32, place: u32, nextTo: u32, about: u32 = 0): u32 {
  from = place;
  to = nextTo;
  detail = about;
  return failure;
}
