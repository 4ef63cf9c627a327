/**
 * Unpacking of lz4's legacy frames, the only ones that kernels have.
 *
 * Mirrors: unlz4(), linux lib/decompress_unlz4.c; lz4_Frame_format.md of lz4 1.9. wasm/lz4.ts has the chunks.
 * Differs: what follows the last chunk is refused, but for another legacy frame.
 */
import type { ImageBytes } from "./image-bytes.js";
import type { KeptParts } from "./kept-parts.js";
import { DONE, MORE, STRIDE, WasmDecoder } from "./wasm-decoder.js";

export const LZ4_LEGACY_MAGIC = 0x184c2102;

/** Every chunk of a frame but the last one unpacks to so much. */
export const LZ4_CHUNK = 8 * 2 ** 20;

/** What a chunk takes that does not compress. Mirrors: LZ4_COMPRESSBOUND(). */
const MAX_PACKED = LZ4_CHUNK + Math.floor(LZ4_CHUNK / 255) + 16;

/** How far back a match reaches. */
const WINDOW = 2 ** 16;

/** What is loaded of a chunk at first: no more than stays in a cache, together with what it unpacks to. */
const PART = 2 ** 16;

/** What a chunk can fail with. Mirrors: wasm/lz4.ts. */
const CUT = 16;
const TOO_LARGE = 17;

/**
 * Unpack the frames that fill `lz4`, to at most `limit` bytes.
 *
 * Errors: BadInput, if a frame is damaged or unpacks to more.
 */
export function unpackLz4(lz4: ImageBytes, limit: number, kept?: KeptParts): Uint8Array {
  const decoder = new WasmDecoder(lz4, limit, 0, MAX_PACKED, kept);
  let at = 4; // the magic was seen
  while (at < lz4.length) {
    const length = lz4.u32(at, "the size of an lz4 chunk");
    if (length === LZ4_LEGACY_MAGIC) {
      at += 4;
      continue;
    }
    if (length === 0 || length > MAX_PACKED) {
      throw lz4.bad(at, `an lz4 chunk cannot have ${length} bytes`);
    }
    lz4.need(at + 4, length, "an lz4 chunk");
    unpackChunk(decoder, at + 4, at + 4 + length);
    decoder.pass();
    at += 4 + length;
  }
  return decoder.unpacked;
}

/** Chunks do not refer to each other. */
function unpackChunk(decoder: WasmDecoder, offset: number, chunkEnd: number): void {
  const { run, target } = decoder;
  let first = decoder.at;
  for (let at = offset, part = PART; ;) {
    const length = Math.min(part, chunkEnd - at);
    const end = decoder.load(at, length);
    const stop = end + chunkEnd - at - length;
    let status = MORE;
    while (status === MORE) {
      const [before, read] = [decoder.at, decoder.offset];
      status = run.lz4(end, stop, first, LZ4_CHUNK, decoder.room, before + STRIDE);
      // Not one sequence had room.
      if (status === MORE && decoder.at === before && decoder.offset === read) decoder.grow();
      if (decoder.at - target > 2 * WINDOW) first -= decoder.pass(WINDOW);
    }
    if (status === DONE) return;
    if (status !== CUT || end === stop) throw failure(decoder, status, first);
    part = decoder.offset === at ? part * 2 : PART; // not one sequence was whole
    at = decoder.offset;
  }
}

function failure(decoder: WasmDecoder, status: number, first: number): Error {
  if (status === CUT) return decoder.bad("an lz4 sequence goes beyond its chunk");
  if (status === TOO_LARGE) return decoder.bad(`an lz4 chunk unpacks to more than ${LZ4_CHUNK} bytes`);
  const behind = decoder.at - first;
  return decoder.bad(`an lz4 match is ${decoder.detail} bytes back, of ${behind}`);
}
