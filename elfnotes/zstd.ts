/**
 * Unpacking of zstd: one frame, as kernels have it.
 *
 * Mirrors: RFC 8878. wasm/zstd.ts has the compressed blocks.
 * Differs: no dictionaries, no skippable frames; a match may reach back beyond the window, where that was kept.
 */
import type { ImageBytes } from "./image-bytes.js";
import type { KeptParts } from "./kept-parts.js";
import { DONE, WasmDecoder, WRONG_SIZE } from "./wasm-decoder.js";

/** What zstd itself takes unless told otherwise, and kernels are packed for. */
const MAX_WINDOW = 2 ** 27;

const MAGIC_SIZE = 4;
const BLOCK_HEADER = 3;
const RAW_BLOCK = 0;
const RLE_BLOCK = 1;
const COMPRESSED_BLOCK = 2;

/** What a block unpacks to at most. */
const MAX_BLOCK = 2 ** 17;

/** Room for the literals of a block, and what copying them may pass that by. */
const LITERALS = MAX_BLOCK + 64;

/** What a block can fail with. Mirrors: wasm/zstd.ts. */
const FAILURES = new Map([
  [16, "the literals of a zstd block are damaged"],
  [17, "the Huffman code of a zstd block is damaged"],
  [18, "a table for the sequences of a zstd block is damaged"],
  [19, "the sequences of a zstd block are damaged"],
  [21, `a zstd block unpacks to more than ${MAX_BLOCK} bytes`],
]);
const TOO_FAR = 20;

const NOTHING = new Uint8Array(0);

interface Frame {
  readonly contentSize: number | undefined;
  /** The low half of XXH64 of what is unpacked. */
  readonly checksum: number | undefined;
  /** How far back a match may reach. */
  readonly window: number;
  /** Where the first block is. */
  readonly start: number;
}

interface Block {
  readonly kind: number;
  /** Of what follows the header. */
  readonly offset: number;
  readonly stored: number;
  /** What the header says: of a block of one byte that repeats, how often. */
  readonly size: number;
}

/**
 * Unpack the frame that fills `zstd`, to at most `limit` bytes.
 *
 * Errors: BadInput, if the frame is damaged or unpacks to more.
 */
export function unpackZstd(zstd: ImageBytes, limit: number, kept?: KeptParts): Uint8Array {
  const { contentSize, checksum, start, window } = readFrame(zstd);
  if ((contentSize ?? 0) > limit) {
    throw zstd.bad(0, `says that it unpacks to ${contentSize} bytes, more than ${limit}`, WRONG_SIZE);
  }
  const decoder = new WasmDecoder(zstd, limit, LITERALS, MAX_BLOCK, kept);
  const { run, target } = decoder;
  let first = target; // below it, once it has turned
  let hashed = target;
  for (const block of blocksOf(zstd, start)) {
    unpackBlock(zstd, block, decoder, first);
    if (checksum !== undefined) hashed = run.xxh64(hashed, decoder.at - hashed) >>> 0;
    const rest = checksum === undefined ? NOTHING : decoder.view(hashed, decoder.at).slice();
    const by = decoder.turn(window);
    if (by === 0) continue;
    first -= by;
    // Less than a stripe, which goes before what follows: there is nothing but slack.
    hashed = target - rest.length;
    decoder.view(hashed, target).set(rest);
  }
  const sum = checksum === undefined ? undefined : run.xxh64End(hashed, decoder.at - hashed) >>> 0;
  const { length } = decoder;
  if (contentSize !== undefined && contentSize !== length) {
    throw zstd.bad(0, `the zstd frame unpacks to ${length} bytes, it says ${contentSize}`);
  }
  if (checksum !== sum) {
    throw zstd.bad(zstd.length - 4, `the zstd checksum differs from that of the ${length} bytes unpacked`);
  }
  return decoder.unpacked;
}

function unpackBlock(
  zstd: ImageBytes,
  { kind, offset, stored, size }: Block,
  decoder: WasmDecoder,
  first: number,
): void {
  const { run, source, tables, target } = decoder;
  if (kind === COMPRESSED_BLOCK) {
    if (stored > MAX_BLOCK) throw zstd.bad(offset, `a zstd block cannot have ${stored} bytes`);
    decoder.reserve(MAX_BLOCK);
    const end = decoder.load(offset, stored);
    const status = run.zstd(source, end, first, target, decoder.room, tables);
    if (status === TOO_FAR) {
      throw decoder.bad(`a zstd match is ${decoder.detail} bytes back, of ${decoder.length}`);
    }
    if (status !== DONE) throw decoder.bad(FAILURES.get(status)!);
    return;
  }
  if (size > MAX_BLOCK) throw zstd.bad(offset, FAILURES.get(21)!);
  decoder.load(offset, 0);
  decoder.reserve(size);
  const room = decoder.append(size);
  if (kind === RLE_BLOCK) room.fill(zstd.u8(offset, "a zstd block"));
  else zstd.copy(offset, room);
}

/** Read the frame's header, and see where its blocks are. Mirrors: RFC 8878, 3.1.1. */
function readFrame(zstd: ImageBytes): Frame {
  const part = "the header of the zstd frame";
  const descriptor = zstd.u8(MAGIC_SIZE, part);
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3]!;
  if (dictionary !== 0) throw notOurs(zstd, "the zstd frame wants a dictionary");
  const at = MAGIC_SIZE + 1 + (singleSegment ? 0 : 1);
  const [sizeBytes, contentSize] = readContentSize(zstd, at, descriptor >> 6, singleSegment);
  const windowByte = zstd.u8(MAGIC_SIZE + 1, part);
  const window = singleSegment ? contentSize! : 2 ** (10 + (windowByte >> 3)) * (1 + (windowByte & 7) / 8);
  if (window > MAX_WINDOW) throw notOurs(zstd, `the zstd window has ${window} bytes`);

  const start = at + sizeBytes;
  let end = start;
  for (const { offset, stored } of blocksOf(zstd, start)) end = offset + stored;
  const hasChecksum = (descriptor & 4) !== 0;
  const checksum = hasChecksum ? zstd.u32(end, "the zstd checksum") : undefined;
  if (end + (hasChecksum ? 4 : 0) !== zstd.length) throw notOurs(zstd, "there is more than one zstd frame");
  return { contentSize, checksum, window, start };
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

/** One at a time: a list of small ones would be larger than the frame. Mirrors: RFC 8878, 3.1.1.2. */
function* blocksOf(zstd: ImageBytes, start: number): Generator<Block> {
  for (let at = start, last = false; !last;) {
    const header = zstd.u16(at, "a zstd block") | (zstd.u8(at + 2, "a zstd block") << 16);
    const kind = (header >> 1) & 3;
    if (kind !== RAW_BLOCK && kind !== RLE_BLOCK && kind !== COMPRESSED_BLOCK) {
      throw zstd.bad(at, `a zstd block cannot be of kind ${kind}`);
    }
    const size = header >> 3;
    const stored = kind === RLE_BLOCK ? 1 : size;
    const offset = at + BLOCK_HEADER;
    zstd.need(offset, stored, "a zstd block");
    yield { kind, offset, stored, size };
    at = offset + stored;
    last = (header & 1) !== 0;
  }
}

function notOurs(zstd: ImageBytes, what: string): Error {
  return zstd.bad(0, what, "unpack it with zstd -d --long=31, and name the result");
}
