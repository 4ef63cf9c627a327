/**
 * Unpacking of zstd: one frame, as kernels have it.
 *
 * fzstd does not look at the checksum, nor does it say how much it has unpacked into a buffer given to it. It
 * is fast only with one, though: without, it moves the whole window for each block. So where the size is known
 * and there is a checksum, the checksum tells whether both are right.
 *
 * Mirrors: RFC 8878.
 * Differs: no dictionaries, no skippable frames.
 */
import type { ImageBytes } from "./image-bytes.js";

/** What zstd itself takes unless told otherwise, and kernels are packed for. */
const MAX_WINDOW = 2 ** 27;

const MAGIC_SIZE = 4;
const BLOCK_HEADER = 3;
const RLE_BLOCK = 1;

/** What a block unpacks to at most. */
const MAX_BLOCK = 2 ** 17;

interface Frame {
  /** What a decoder has to keep; a frame of one segment keeps all that it holds. */
  readonly window: number;
  readonly contentSize: number | undefined;
  /** The low half of XXH64 of what is unpacked. */
  readonly checksum: number | undefined;
  /** How many there are. */
  readonly blocks: number;
}

/**
 * Unpack the frame that fills `zstd`, to at most `limit` bytes; to `size`, where that is known.
 *
 * Errors: BadInput, if the frame is damaged or unpacks to more.
 */
export async function unpackZstd(zstd: ImageBytes, limit: number, size?: number): Promise<Uint8Array> {
  const { window, contentSize, checksum, blocks } = readFrame(zstd);
  if (window > MAX_WINDOW) throw notOurs(zstd, `the zstd window has ${window} bytes`);
  const expected = size ?? contentSize ?? 0;
  if (expected > limit) throw zstd.bad(0, `unpacks to more than ${limit} bytes`, "name a smaller kernel");
  if (expected > blocks * MAX_BLOCK) {
    throw zstd.bad(0, `is said to unpack to ${expected} bytes, more than its ${blocks} zstd blocks can hold`);
  }
  let out: Uint8Array;
  try {
    out =
      checksum !== undefined && expected > 0
        ? (await import("fzstd")).decompress(zstd.data, new Uint8Array(expected))
        : await unpackBlockwise(zstd.data, limit);
  } catch (error) {
    throw zstd.bad(0, `the zstd frame is damaged (${(error as Error).message})`);
  }
  if (checksum !== undefined && checksum !== (await xxh64(out))) {
    throw zstd.bad(
      zstd.length - 4,
      `the zstd checksum differs from that of the ${out.length} bytes unpacked`,
    );
  }
  return out;
}

async function unpackBlockwise(data: Uint8Array, limit: number): Promise<Uint8Array> {
  const { Decompress } = await import("fzstd");
  const chunks: Uint8Array[] = [];
  let size = 0;
  const stream = new Decompress((chunk) => {
    size += chunk.length;
    if (size > limit) throw new RangeError(`unpacks to more than ${limit} bytes`);
    chunks.push(chunk.slice());
  });
  stream.push(data, true);
  return Buffer.concat(chunks);
}

async function xxh64(data: Uint8Array): Promise<number> {
  const hash = (await (await import("xxhash-wasm")).default()).create64();
  const step = 2 ** 20; // its memory takes that much more than what it is given
  for (let at = 0; at < data.length; at += step) hash.update(data.subarray(at, at + step));
  return Number(hash.digest() & 0xffff_ffffn);
}

/** Read the frame's header, and see where its blocks end. Mirrors: RFC 8878, 3.1.1. */
function readFrame(zstd: ImageBytes): Frame {
  const part = "the header of the zstd frame";
  const descriptor = zstd.u8(MAGIC_SIZE, part);
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3]!;
  if (dictionary !== 0) throw notOurs(zstd, "the zstd frame wants a dictionary");
  const at = MAGIC_SIZE + 1 + (singleSegment ? 0 : 1);
  const [sizeBytes, contentSize] = readContentSize(zstd, at, descriptor >> 6, singleSegment);
  const windowByte = zstd.u8(MAGIC_SIZE + 1, part);
  const window = 2 ** (10 + (windowByte >> 3)) * (1 + (windowByte & 7) / 8);

  const { end, blocks } = endOfBlocks(zstd, at + sizeBytes);
  const hasChecksum = (descriptor & 4) !== 0;
  const checksum = hasChecksum ? zstd.u32(end, "the zstd checksum") : undefined;
  if (end + (hasChecksum ? 4 : 0) !== zstd.length) throw notOurs(zstd, "there is more than one zstd frame");
  return { window: singleSegment ? contentSize! : window, contentSize, checksum, blocks };
}

/** The number of bytes that the field takes, and its value. `code` is what the descriptor says of it. */
function readContentSize(
  zstd: ImageBytes,
  at: number,
  code: number,
  singleSegment: boolean,
): [bytes: number, size: number | undefined] {
  const part = "the content size of the zstd frame";
  switch (code) {
    case 0:
      return singleSegment ? [1, zstd.u8(at, part)] : [0, undefined];
    case 1:
      return [2, zstd.u16(at, part) + 256];
    case 2:
      return [4, zstd.u32(at, part)];
    default:
      return [8, Number(zstd.u64(at, part))];
  }
}

function endOfBlocks(zstd: ImageBytes, first: number): { end: number; blocks: number } {
  let offset = first;
  for (let blocks = 1; ; blocks++) {
    const header = zstd.u16(offset, "a zstd block") | (zstd.u8(offset + 2, "a zstd block") << 16);
    const stored = ((header >> 1) & 3) === RLE_BLOCK ? 1 : header >> 3;
    zstd.need(offset + BLOCK_HEADER, stored, "a zstd block");
    offset += BLOCK_HEADER + stored;
    if ((header & 1) !== 0) return { end: offset, blocks };
  }
}

function notOurs(zstd: ImageBytes, what: string): Error {
  return zstd.bad(0, what, "unpack it with zstd -d --long=31, and name the result");
}
