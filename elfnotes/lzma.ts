/**
 * Unpacking of .lzma files, from before xz.
 *
 * Mirrors: unlzma(), linux lib/decompress_unlzma.c; lzma-specification.txt of the LZMA SDK. wasm/lzma.ts has the
 * stream behind the header.
 */
import type { ImageBytes } from "./image-bytes.js";
import type { KeptParts } from "./kept-parts.js";
import { DONE, MORE, STRIDE, WasmDecoder, WRONG_SIZE } from "./wasm-decoder.js";

const HEADER = 13; // properties, dictionary, unpacked size
const UNSAID = 0xffff_ffff_ffff_ffffn;

/** What a stream can fail with. Mirrors: wasm/lzma.ts. */
const NO_END = 16;
const TOO_FAR = 17;

/** More than a match is long: a stride may pass its end by that. */
const LONGEST = 300;

/** The probabilities' bytes, but for literals, and those of each context of a literal. */
const CONTEXTS = 2 * 1860;
const LITERAL_CONTEXT = 2 * 0x300;

/** What wasm/lzma.ts keeps, where a literal's context has so many bits. */
export function lzmaTables(literalBits: number): number {
  return CONTEXTS + (LITERAL_CONTEXT << literalBits);
}

/** Of LZMA2, a literal's context has no more bits. */
export const MOST_LITERAL_BITS = 4;

/** Bits of a literal's context, from the byte before and from its position; of a match's, from its position. */
export interface LzmaProperties {
  readonly lc: number;
  readonly lp: number;
  readonly pb: number;
}

/** Of the byte that says them; undefined for one that cannot. */
export function lzmaProperties(byte: number): LzmaProperties | undefined {
  if (byte >= 9 * 5 * 5) return undefined;
  return { lc: byte % 9, lp: Math.floor(byte / 9) % 5, pb: Math.floor(byte / 45) };
}

/**
 * Unpack the file that fills `lzma`, to at most `limit` bytes.
 *
 * Errors: BadInput, if it is damaged or unpacks to more.
 */
export function unpackLzma(lzma: ImageBytes, limit: number, kept?: KeptParts): Uint8Array {
  const byte = lzma.u8(0, "the lzma header");
  const properties = lzmaProperties(byte);
  if (properties === undefined) throw lzma.bad(0, `lzma has no properties ${byte}`);
  const { lc, lp, pb } = properties;
  const dictionary = lzma.u32(1, "the lzma header");
  const said = lzma.u64(5, "the lzma header");
  if (said !== UNSAID && said > limit) {
    throw lzma.bad(5, `says that it unpacks to ${said} bytes, more than ${limit}`, WRONG_SIZE);
  }
  const size = said === UNSAID ? undefined : Number(said); // else a marker tells
  const most = size ?? limit;

  const decoder = new WasmDecoder(lzma, most, lzmaTables(lc + lp), lzma.length, kept);
  let first = decoder.target; // below it, once it has turned
  const { run, source, tables, target } = decoder;
  const sourceEnd = decoder.load(0, lzma.length);
  run.lzmaReset(tables, lc, lp);
  run.lzmaBegin(source + HEADER);
  while (decoder.length !== size) {
    decoder.reserve(STRIDE + LONGEST);
    const pause = Math.min(decoder.at + STRIDE, decoder.room);
    // Where a marker is to tell, it comes behind the last byte that there may be.
    const beyond = size === undefined && decoder.length === most ? 1 : 0;
    const status = run.lzma(sourceEnd, first, target, tables, pause + beyond, decoder.room, lc, lp, pb);
    if (status === DONE) break;
    if (status !== MORE) throw failure(decoder, status, size);
    first -= decoder.turn(dictionary);
  }
  if (decoder.length !== (size ?? decoder.length)) {
    throw decoder.bad(`the lzma stream ends after ${decoder.length} bytes, it says ${size}`);
  }
  const end = (run.from.value >>> 0) - source;
  if (end > lzma.length) throw lzma.bad(lzma.length, "the lzma stream has no end");
  if (end < lzma.length) throw lzma.bad(end, "something follows the end of the lzma stream");
  return decoder.unpacked;
}

function failure(decoder: WasmDecoder, status: number, size: number | undefined): Error {
  if (status === NO_END) return decoder.bad("the lzma stream has no end");
  if (status === TOO_FAR) {
    return decoder.bad(`an lzma match is ${decoder.detail} bytes back, of ${decoder.length}`);
  }
  if (size !== undefined) return decoder.bad(`an lzma match goes beyond the ${size} bytes that were said`);
  return decoder.tooMuch();
}
