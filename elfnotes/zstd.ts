/**
 * Unpacking of zstd.
 *
 * Mirrors: RFC 8878.
 * Differs: a frame's checksum is not verified; the unpacked size is, by the caller.
 */
import type { ImageBytes } from "./image-bytes.js";

/** What zstd itself takes unless told otherwise, and kernels are packed for. */
const MAX_WINDOW = 2 ** 27;

/**
 * Unpack one frame or more that fill `zstd`, to at most `limit` bytes.
 *
 * Errors: BadInput, if a frame is damaged or unpacks to more.
 */
export async function unpackZstd(zstd: ImageBytes, limit: number): Promise<Uint8Array> {
  const window = windowSize(zstd);
  if (window > MAX_WINDOW) {
    throw zstd.bad(
      4,
      `the zstd window has ${window} bytes`,
      "unpack it with zstd -d --long=31, and name the result",
    );
  }
  const { Decompress } = await import("fzstd");
  const chunks: Uint8Array[] = [];
  let size = 0;
  const stream = new Decompress((chunk) => {
    size += chunk.length;
    if (size > limit) throw new RangeError(`unpacks to more than ${limit} bytes`);
    chunks.push(chunk.slice());
  });
  try {
    stream.push(zstd.data, true);
  } catch (error) {
    throw zstd.bad(0, `the zstd frame is damaged (${(error as Error).message})`);
  }
  return Buffer.concat(chunks);
}

/** What the decoder has to keep. Mirrors: RFC 8878, 3.1.1.1. A frame of one segment keeps all that it holds. */
function windowSize(zstd: ImageBytes): number {
  const part = "the header of a zstd frame";
  const descriptor = zstd.u8(4, part);
  const singleSegment = (descriptor & 0x20) !== 0;
  if (!singleSegment) {
    const byte = zstd.u8(5, part);
    return 2 ** (10 + (byte >> 3)) * (1 + (byte & 7) / 8);
  }
  const contentSize = 5 + [0, 1, 2, 4][descriptor & 3]!; // behind the dictionary's number
  switch (descriptor >> 6) {
    case 0:
      return zstd.u8(contentSize, part);
    case 1:
      return zstd.u16(contentSize, part) + 256;
    case 2:
      return zstd.u32(contentSize, part);
    default:
      return Number(zstd.u64(contentSize, part));
  }
}
