/**
 * Compressed kernels: what they are compressed with, and unpacking them.
 *
 * Mirrors: decompress(), xen/common/decompress.c; linux arch/x86/boot/compressed/Makefile for what is packed.
 * Differs: bzip2, lzma, lzo and lz4 are named, not unpacked.
 */
import { gunzipSync } from "node:zlib";
import { isElf } from "./elf.js";
import { ImageBytes } from "./image-bytes.js";
import { unpackXz } from "./xz.js";
import { unpackZstd } from "./zstd.js";

export type Compression = "none" | "gzip" | "xz" | "zstd";

/** By their first bytes. Mirrors: linux lib/decompress.c. */
const MAGIC: readonly (readonly [Compression | "bzip2" | "lzma" | "lzo" | "lz4", string])[] = [
  ["gzip", "\x1f\x8b"],
  ["xz", "\xfd7zXZ\0"],
  ["zstd", "\x28\xb5\x2f\xfd"],
  ["bzip2", "BZh"],
  ["lzma", "\x5d\0\0"],
  ["lzo", "\x89LZO\0"],
  ["lz4", "\x02\x21\x4c\x18"],
];

/** More than any kernel with its debug information; a damaged size may say anything. */
const MAX_UNPACKED = 2 ** 30;

/** What `bytes` begin with: "none" for ELF, undefined for what is no kernel. */
export function compressionOf(bytes: ImageBytes): (typeof MAGIC)[number][0] | undefined {
  if (isElf(bytes)) return "none";
  return MAGIC.find(([, magic]) => bytes.has(0, magic))?.[0];
}

/** `packed` as it is, if it is ELF, or unpacked. */
export interface Unpacked {
  readonly compression: Compression;
  readonly elf: ImageBytes;
}

/**
 * Unpack a kernel. `sizeAppended`: it ends with four bytes that say how large it is unpacked, as in a bzImage
 * (gzip has them of its own).
 *
 * Errors: BadInput, if it is damaged, or compressed in a way that is not read here.
 */
export async function unpack(packed: ImageBytes, sizeAppended: boolean): Promise<Unpacked> {
  const compression = compressionOf(packed);
  if (compression === "none") return { compression, elf: packed };
  const stream = compression === "gzip" || !sizeAppended ? packed : withoutSize(packed);
  const unpacked = async (data: Uint8Array | Promise<Uint8Array>): Promise<Unpacked> => ({
    compression: compression as Compression,
    elf: sized(packed, await data, sizeAppended),
  });
  switch (compression) {
    case "gzip":
      return unpacked(unpackGzip(stream));
    case "xz":
      return unpacked(unpackXz(stream, MAX_UNPACKED));
    case "zstd":
      return unpacked(unpackZstd(stream, MAX_UNPACKED, sizeAppended ? sizeOf(packed) : undefined));
    case undefined:
      throw packed.bad(
        0,
        "is neither ELF nor compressed in a way that Linux knows",
        "name a vmlinux or a bzImage",
      );
    default:
      throw packed.bad(
        0,
        `is compressed with ${compression}, which is not read here`,
        "unpack it with Linux's scripts/extract-vmlinux, and name the result",
      );
  }
}

function unpackGzip(packed: ImageBytes): Uint8Array {
  try {
    return gunzipSync(packed.data, { maxOutputLength: MAX_UNPACKED });
  } catch (error) {
    throw packed.bad(0, `the gzip stream is damaged (${(error as Error).message})`);
  }
}

/** What the last four bytes say. Mirrors: output_length(), xen/common/decompress.h. */
function sizeOf(packed: ImageBytes): number {
  return packed.u32(packed.length - 4, "the unpacked size");
}

function withoutSize(packed: ImageBytes): ImageBytes {
  return new ImageBytes(packed.file, packed.data.subarray(0, -4), packed.within);
}

/** The unpacked kernel, if it has the size that was said. */
function sized(packed: ImageBytes, data: Uint8Array, sizeAppended: boolean): ImageBytes {
  if (sizeAppended && sizeOf(packed) !== data.length) {
    const said = `says that the kernel has ${sizeOf(packed)} bytes`;
    throw packed.bad(packed.length - 4, `${said}, it unpacks to ${data.length}`);
  }
  return new ImageBytes(packed.file, data, " of the unpacked kernel");
}
