/**
 * Unpacking of bzip2: streams of blocks, each with its CRC.
 *
 * Mirrors: bunzip2(), linux lib/decompress_bunzip2.c; decompress.c of bzip2 1.0. wasm/bzip2.ts has the blocks.
 * Differs: blocks that are randomised, as before bzip2 0.9.5, are refused.
 */
import type { ImageBytes } from "./image-bytes.js";
import type { KeptParts } from "./kept-parts.js";
import { DONE, MORE, WasmDecoder } from "./wasm-decoder.js";

const HEADER = 4;
const BLOCK_MAGIC = [0x314159, 0x265359];
const END_MAGIC = [0x177245, 0x385090];
const LEVEL_SIZE = 100_000;
const MAX_LEVEL = 9;

/** What wasm/bzip2.ts works with: codes and selectors, and a word for each byte of a block. */
const TABLES = 49_184 + 4 * MAX_LEVEL * LEVEL_SIZE;

/** What a block can fail with, where its message says no number. Mirrors: wasm/bzip2.ts. */
const FAILURES = new Map([
  [16, "the bzip2 stream has no end"],
  [17, "the bzip2 block is randomised"],
  [18, "a bzip2 block has no bytes"],
  [20, "a bzip2 block has no symbols"],
  [21, "a bzip2 selector names no Huffman code"],
  [23, "a bzip2 block has more symbols than groups"],
  [24, "is no code of this bzip2 block"],
  [25, "a run is larger than its bzip2 block"],
  [26, "a bzip2 block is larger than its level says"],
]);
const CODES = 19;
const LENGTH = 22;

/**
 * Unpack the streams that fill `bzip2`, to at most `limit` bytes.
 *
 * Errors: BadInput, if a stream is damaged or unpacks to more.
 */
export function unpackBzip2(bzip2: ImageBytes, limit: number, kept?: KeptParts): Uint8Array {
  const decoder = new WasmDecoder(bzip2, limit, TABLES, bzip2.length, kept);
  const end = decoder.load(0, bzip2.length);
  decoder.run.bzip2Begin(decoder.tables);
  while (decoder.offset < bzip2.length) unpackStream(bzip2, decoder, end);
  return decoder.unpacked;
}

function unpackStream(bzip2: ImageBytes, decoder: WasmDecoder, end: number): void {
  const { run } = decoder;
  const start = decoder.offset;
  const level = bzip2.u8(start + 3, "a bzip2 stream") - 0x30;
  if (!bzip2.has(start, "BZh") || level < 1 || level > MAX_LEVEL)
    throw bzip2.bad(start, "is no bzip2 stream");
  const bits = (count: number): number => {
    const value = run.bzip2Bits(end, count) >>> 0;
    if (run.from.value >>> 0 > end) throw decoder.bad(FAILURES.get(16)!);
    return value;
  };
  bits(8 * HEADER);
  let combined = 0;
  for (;;) {
    const place = decoder.offset;
    const magic = [bits(24), bits(24)];
    if (magic.every((half, i) => half === END_MAGIC[i])) break;
    if (!magic.every((half, i) => half === BLOCK_MAGIC[i])) {
      throw bzip2.bad(place, "neither a bzip2 block nor the end of the stream begins here");
    }
    const crc = bits(32);
    const status = run.bzip2Block(end, level * LEVEL_SIZE);
    if (status !== DONE) throw failure(decoder, status);
    while (run.bzip2Unsort(decoder.room) === MORE) decoder.grow();
    if (decoder.detail !== crc) {
      throw bzip2.bad(place, "the CRC of a bzip2 block differs from what is unpacked");
    }
    decoder.pass();
    combined = ((combined << 1) | (combined >>> 31)) ^ crc;
  }
  if (bits(32) !== combined >>> 0) throw decoder.bad("the CRC of the bzip2 stream is wrong");
  run.bzip2Align();
}

function failure(decoder: WasmDecoder, status: number): Error {
  const { detail, run } = decoder;
  const said = FAILURES.get(status);
  if (said !== undefined) return decoder.bad(said);
  if (status === CODES) return decoder.bad(`a bzip2 block cannot have ${detail} Huffman codes`);
  if (status === LENGTH) return decoder.bad(`a bzip2 code cannot have ${detail} bits`);
  return decoder.bad(`a bzip2 block of ${run.bzip2Symbols.value} symbols cannot begin at ${detail}`);
}
