/**
 * Unpacking of xz, with the x86 filter that kernels use.
 *
 * The index tells where the blocks are; each is unpacked (lzma2.ts), and then unfiltered and checked.
 *
 * Mirrors: The .xz File Format 1.2.1; linux lib/xz/ for what a kernel may use.
 * Differs: CRC64 and SHA-256 are not verified (the kernel takes CRC32 or none).
 */
import { crc32 } from "node:zlib";
import { undoBcjX86 } from "./bcj-x86.js";
import type { ImageBytes } from "./image-bytes.js";
import type { KeptParts } from "./kept-parts.js";
import { LZMA2_PART, LZMA2_TABLES, unpackLzma2 } from "./lzma2.js";
import { WasmDecoder } from "./wasm-decoder.js";

const HEADER_SIZE = 12; // of a stream; its footer has the same size
const FILTER_LZMA2 = 0x21;
const FILTER_X86 = 0x04;
const CHECK_CRC32 = 1;

/** Size of a block's check, by its number. */
const CHECK_SIZE = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];

/** A block as the index has it. */
interface Block {
  readonly offset: number;
  /** Header, data and check; without the padding before the check. */
  readonly unpaddedSize: number;
  readonly size: number;
}

/**
 * Unpack a stream of xz that fills `xz`, to at most `limit` bytes.
 *
 * Errors: BadInput, if the stream is damaged, or if it uses what x86 kernels do not.
 */
export function unpackXz(xz: ImageBytes, limit: number, kept?: KeptParts): Uint8Array {
  const { blocks, check } = readIndex(xz);
  const size = blocks.reduce((sum, block) => sum + block.size, 0);
  if (size > limit) throw xz.bad(0, `unpacks to ${size} bytes`, `name a kernel of at most ${limit} bytes`);
  const decoder = new WasmDecoder(xz, size, LZMA2_TABLES, LZMA2_PART, kept);
  for (const block of blocks) {
    unpackBlock(xz, block, check, decoder);
    decoder.pass();
  }
  return decoder.unpacked;
}

/** Read footer, header and index. Mirrors: sections 2.1 and 4 of the format. */
function readIndex(xz: ImageBytes): { blocks: Block[]; check: number } {
  xz.need(0, 2 * HEADER_SIZE, "an xz stream");
  const footer = xz.length - HEADER_SIZE;
  if (!xz.has(footer + 10, "YZ")) throw xz.bad(footer, "is not the end of an xz stream");
  const check = xz.u8(7, "the xz header") & 0xf;
  verify(xz, 6, 2, 8, "the xz header");
  verify(xz, footer + 4, 6, footer, "the xz footer");

  const indexSize = (xz.u32(footer + 4, "the xz footer") + 1) * 4;
  const start = footer - indexSize;
  if (start < HEADER_SIZE) throw xz.bad(footer + 4, "the xz index is larger than the file");
  verify(xz, start, indexSize - 4, footer - 4, "the xz index");
  const cursor = { at: start + 1 };
  const count = readVli(xz, cursor, footer);
  const blocks: Block[] = [];
  let offset = HEADER_SIZE;
  for (let i = 0; i < count && cursor.at < footer; i++) {
    const unpaddedSize = readVli(xz, cursor, footer);
    blocks.push({ offset, unpaddedSize, size: readVli(xz, cursor, footer) });
    offset += roundUp(unpaddedSize);
  }
  if (offset !== start || blocks.length !== count) {
    throw xz.bad(start, "the xz index does not fit the blocks before it");
  }
  return { blocks, check };
}

function unpackBlock(xz: ImageBytes, block: Block, check: number, decoder: WasmDecoder): void {
  const { offset, unpaddedSize, size } = block;
  const { headerSize, x86 } = readBlockHeader(xz, offset);
  const checkSize = CHECK_SIZE[check]!;
  const length = unpaddedSize - headerSize - checkSize;
  if (length <= 0) throw xz.bad(offset, "the xz index has no room for the block");
  xz.need(offset + headerSize, length, "an xz block");
  const start = decoder.at;
  unpackLzma2(xz, decoder, offset + headerSize, offset + headerSize + length);
  const unpacked = decoder.at - start;
  if (unpacked !== size) {
    throw xz.bad(offset, `the xz block unpacks to ${unpacked} bytes, its index says ${size}`);
  }
  const out = decoder.view(start, decoder.at);
  if (x86 !== undefined) undoBcjX86(out, x86);
  const checkOffset = offset + roundUp(unpaddedSize) - checkSize;
  if (check === CHECK_CRC32 && xz.u32(checkOffset, "the check") !== crc32(out)) {
    throw xz.bad(checkOffset, "the xz check differs from what is unpacked");
  }
}

/** Mirrors: section 3.1 of the format. `x86` is where that filter starts to count; undefined without it. */
function readBlockHeader(xz: ImageBytes, offset: number): { headerSize: number; x86: number | undefined } {
  const headerSize = (xz.u8(offset, "an xz block") + 1) * 4;
  const end = offset + headerSize - 4;
  verify(xz, offset, headerSize - 4, end, "the header of an xz block");
  const flags = xz.u8(offset + 1, "an xz block");
  const cursor = { at: offset + 2 };
  if ((flags & 0x40) !== 0) readVli(xz, cursor, end); // compressed size, uncompressed size: the index has them
  if ((flags & 0x80) !== 0) readVli(xz, cursor, end);

  let x86: number | undefined;
  for (let filters = (flags & 3) + 1; filters > 0; filters--) {
    const id = readVli(xz, cursor, end);
    const size = readVli(xz, cursor, end);
    xz.need(cursor.at, size, "a filter of an xz block");
    cursor.at += size;
    if (id === FILTER_LZMA2 && size === 1 && filters === 1) return { headerSize, x86 };
    if (id !== FILTER_X86 || x86 !== undefined) {
      const remedy = "unpack it with xz -d, and name the result";
      throw xz.bad(offset, `the xz filter 0x${id.toString(16)} is none that x86 kernels use`, remedy);
    }
    x86 = size === 4 ? xz.u32(cursor.at - 4, "a filter of an xz block") : 0;
  }
  throw xz.bad(offset, "the xz block has no LZMA2 filter");
}

/** Errors: BadInput, if `length` bytes at `offset` have not the CRC32 that is at `crcOffset`. */
function verify(xz: ImageBytes, offset: number, length: number, crcOffset: number, part: string): void {
  if (crc32(xz.slice(offset, length, part)) !== xz.u32(crcOffset, part)) {
    throw xz.bad(offset, `${part} has a wrong CRC32`);
  }
}

/** A number in groups of seven bits, the lowest first. Mirrors: section 1.2 of the format. */
function readVli(xz: ImageBytes, cursor: { at: number }, end: number): number {
  let value = 0;
  for (let i = 0; i < 7; i++) {
    if (cursor.at >= end) break;
    const byte = xz.u8(cursor.at++, "a number in the xz stream");
    value += (byte & 0x7f) * 2 ** (7 * i);
    if ((byte & 0x80) === 0) return value;
  }
  throw xz.bad(cursor.at, "a number in the xz stream has no end");
}

function roundUp(size: number): number {
  return Math.ceil(size / 4) * 4;
}
