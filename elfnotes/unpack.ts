/**
 * Compressed kernels: what they are compressed with, and unpacking them.
 *
 * Mirrors: decompress(), xen/common/decompress.c; linux arch/x86/boot/compressed/Makefile for what is packed.
 * Differs: where the size is said behind the kernel, nothing unpacks to more.
 */
import { isElf } from "./elf.js";
import type * as Bzip2 from "./bzip2.js";
import type * as Gzip from "./gzip.js";
import { ImageBytes } from "./image-bytes.js";
import { type KeptParts, PartlyKept } from "./kept-parts.js";
import type * as Lz4 from "./lz4.js";
import type * as Lzma from "./lzma.js";
import type * as Lzo from "./lzo.js";
import type * as Xz from "./xz.js";
import type * as Zstd from "./zstd.js";

export type Compression = "none" | "gzip" | "bzip2" | "lzma" | "xz" | "lzo" | "lz4" | "zstd";

/** By their first bytes. Mirrors: linux lib/decompress.c. */
const MAGIC: readonly (readonly [Compression, string])[] = [
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

/** The first bytes, by which it is known, and the size at the end. */
const MIN_PACKED = 8;

/** Said after offsets. */
const WITHIN = " of the unpacked kernel";

/** What `bytes` begin with: "none" for ELF, undefined for what is no kernel. */
export function compressionOf(bytes: ImageBytes): Compression | undefined {
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
 * (gzip has them of its own). With `kept`, some ways of unpacking keep no more than that.
 *
 * Errors: BadInput, if it is damaged, or no kernel.
 */
export function unpack(packed: ImageBytes, sizeAppended: boolean, kept?: KeptParts): Unpacked {
  const compression = compressionOf(packed);
  if (compression === undefined) {
    throw packed.bad(
      0,
      "is neither ELF nor compressed in a way that Linux knows",
      "name a vmlinux or a bzImage",
    );
  }
  if (compression === "none") return { compression, elf: packed };
  if (sizeAppended) packed.need(0, MIN_PACKED, "the compressed kernel with its size");
  const stream = compression === "gzip" || !sizeAppended ? packed : withoutSize(packed);
  const limit = Math.min(sizeAppended ? sizeOf(packed) : MAX_UNPACKED, MAX_UNPACKED);
  const data = unpackStream(stream, compression, limit, kept);
  const { file } = packed;
  const partly = kept !== undefined && kept.length > 0;
  const elf = partly ? new PartlyKept(file, kept, WITHIN) : new ImageBytes(file, data, WITHIN);
  if (sizeAppended && sizeOf(packed) !== elf.length) {
    const said = `says that the kernel has ${sizeOf(packed)} bytes`;
    throw packed.bad(packed.length - 4, `${said}, it unpacks to ${elf.length}`);
  }
  return { compression, elf };
}

/* eslint-disable @typescript-eslint/no-require-imports -- as load() in cli/main.ts: one is needed, six take their time */
const load = {
  gzip: () => require("./gzip.js") as typeof Gzip,
  bzip2: () => require("./bzip2.js") as typeof Bzip2,
  lzma: () => require("./lzma.js") as typeof Lzma,
  xz: () => require("./xz.js") as typeof Xz,
  lzo: () => require("./lzo.js") as typeof Lzo,
  lz4: () => require("./lz4.js") as typeof Lz4,
  zstd: () => require("./zstd.js") as typeof Zstd,
};
/* eslint-enable @typescript-eslint/no-require-imports */

function unpackStream(
  stream: ImageBytes,
  compression: Exclude<Compression, "none">,
  limit: number,
  kept: KeptParts | undefined,
): Uint8Array {
  switch (compression) {
    case "gzip":
      return load.gzip().unpackGzip(stream, limit);
    case "bzip2":
      return load.bzip2().unpackBzip2(stream, limit, kept);
    case "lzma":
      return load.lzma().unpackLzma(stream, limit, kept);
    case "xz":
      return load.xz().unpackXz(stream, limit, kept);
    case "lzo":
      return load.lzo().unpackLzo(stream, limit, kept);
    case "lz4":
      return load.lz4().unpackLz4(stream, limit, kept);
    case "zstd":
      return load.zstd().unpackZstd(stream, limit, kept);
  }
}

/** What the last four bytes say. Mirrors: output_length(), xen/common/decompress.h. */
function sizeOf(packed: ImageBytes): number {
  return packed.u32(packed.length - 4, "the unpacked size");
}

function withoutSize(packed: ImageBytes): ImageBytes {
  return packed.part(0, packed.length - 4);
}
