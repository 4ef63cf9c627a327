/**
 * Unpacking of lzop's files: blocks of LZO1X, each with its sizes and checksums.
 *
 * Mirrors: unlzo(), linux lib/decompress_unlzo.c. wasm/lzo.ts has the blocks.
 * Differs: checksums of the unpacked blocks are compared; filters and the RLE variant, which lzop does not write
 * for kernels, are refused.
 */
import { crc32 } from "node:zlib";
import type { ImageBytes } from "./image-bytes.js";
import type { KeptParts } from "./kept-parts.js";
import { DONE, MORE, WasmDecoder } from "./wasm-decoder.js";

const MAGIC = 9;
const FIRST_WITH_LEVEL = 0x0940; // version of lzop

const F_ADLER32_D = 0x1;
const F_ADLER32_C = 0x2;
const F_H_EXTRA_FIELD = 0x40;
const F_CRC32_D = 0x100;
const F_CRC32_C = 0x200;
const F_MULTIPART = 0x400;
const F_H_FILTER = 0x800;

/** lzop itself takes no larger one. */
const MAX_BLOCK = 64 * 2 ** 20;

/** What a block can fail with. Mirrors: wasm/lzo.ts. */
const CUT = 16;
const LITERALS = 17;
const TOO_FAR = 18;

/**
 * Unpack the file that fills `lzo`, to at most `limit` bytes.
 *
 * Errors: BadInput, if it is damaged or unpacks to more.
 */
export function unpackLzo(lzo: ImageBytes, limit: number, kept?: KeptParts): Uint8Array {
  const { flags, end } = readHeader(lzo);
  const decoder = new WasmDecoder(lzo, limit, 0, MAX_BLOCK, kept);
  let at = end;
  for (;;) {
    const unpacked = be32(lzo, at, "the size of an lzo block");
    if (unpacked === 0) break;
    const packed = be32(lzo, at + 4, "the size of an lzo block");
    if (unpacked > MAX_BLOCK || packed > unpacked) {
      throw lzo.bad(at, `an lzo block cannot unpack from ${packed} to ${unpacked} bytes`);
    }
    const sums = at + 8;
    let data = sums + countOf(flags, F_ADLER32_D, F_CRC32_D);
    if (packed < unpacked) data += countOf(flags, F_ADLER32_C, F_CRC32_C);
    lzo.need(data, packed, "an lzo block");
    const start = decoder.at;
    if (packed < unpacked) unpackBlock(decoder, data, packed, unpacked);
    else {
      decoder.load(at, 0);
      decoder.reserve(unpacked);
      lzo.copy(data, decoder.append(unpacked));
    }
    verify(lzo, sums, flags, decoder, start);
    decoder.pass();
    at = data + packed;
  }
  if (at + 4 !== lzo.length) throw lzo.bad(at + 4, "something follows the last lzo block");
  return decoder.unpacked;
}

/** Mirrors: parse_header(). */
function readHeader(lzo: ImageBytes): { flags: number; end: number } {
  const part = "the lzop header";
  const version = be16(lzo, MAGIC, part);
  const recent = version >= FIRST_WITH_LEVEL;
  const flagsAt = MAGIC + (recent ? 8 : 5);
  const flags = be32(lzo, flagsAt, part);
  if ((flags & (F_H_FILTER | F_MULTIPART)) !== 0) {
    throw lzo.bad(
      flagsAt,
      "the lzop file has filters or parts",
      "unpack it with lzop -d, and name the result",
    );
  }
  const nameAt = flagsAt + 4 + (recent ? 12 : 8); // mode and times
  let end = nameAt + 1 + lzo.u8(nameAt, part);
  lzo.need(end, 4, part);
  end += 4;
  if ((flags & F_H_EXTRA_FIELD) !== 0) end += 4 + be32(lzo, end, part) + 4;
  return { flags, end };
}

/** Bytes of the checksums, of which each flag stands for one. */
function countOf(flags: number, ...each: number[]): number {
  return 4 * each.filter((flag) => (flags & flag) !== 0).length;
}

/** Compare the sums of what was unpacked from the address `start` on. */
function verify(lzo: ImageBytes, sums: number, flags: number, decoder: WasmDecoder, start: number): void {
  const { at, run } = decoder;
  const adler = (flags & F_ADLER32_D) !== 0;
  const crc = (flags & F_CRC32_D) !== 0;
  const good =
    (!adler || be32(lzo, sums, "a checksum") === run.adler32(start, at - start) >>> 0) &&
    (!crc || be32(lzo, sums + (adler ? 4 : 0), "a checksum") === crc32(decoder.view(start, at)));
  if (!good) throw lzo.bad(sums, "the checksum of an lzo block differs from what is unpacked");
}

function unpackBlock(decoder: WasmDecoder, offset: number, packed: number, size: number): void {
  const { run } = decoder;
  const first = decoder.at;
  const end = decoder.load(offset, packed);
  run.lzoBegin();
  for (;;) {
    const before = decoder.at;
    const status = run.lzo(end, first, first + size, decoder.room);
    if (status === DONE) break;
    if (status !== MORE) throw failure(decoder, status, first);
    if (decoder.at === before) decoder.grow(); // not one instruction had room
  }
  const unpacked = decoder.at - first;
  if (run.from.value >>> 0 !== end || unpacked !== size) {
    throw decoder.bad(`an lzo block unpacks to ${unpacked} bytes, it says ${size}`);
  }
}

function failure(decoder: WasmDecoder, status: number, first: number): Error {
  if (status === CUT) return decoder.bad("an lzo instruction goes beyond its block");
  if (status === LITERALS) return decoder.bad("lzo literals go beyond their block");
  if (status !== TOO_FAR) return decoder.bad("an lzo match goes beyond its block");
  const behind = decoder.at - first;
  return decoder.bad(`an lzo match is ${decoder.detail} bytes back, of ${behind}`);
}

function be16(bytes: ImageBytes, offset: number, part: string): number {
  return (bytes.u8(offset, part) << 8) | bytes.u8(offset + 1, part);
}

function be32(bytes: ImageBytes, offset: number, part: string): number {
  return be16(bytes, offset, part) * 0x10000 + be16(bytes, offset + 2, part);
}
