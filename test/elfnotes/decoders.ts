/** Decoders against the tools whose files they read: as many generated inputs as the suite has time for. */
import { expect } from "chai";
import fc from "fast-check";
import { unpackBzip2 } from "../../elfnotes/bzip2.js";
import { ImageBytes } from "../../elfnotes/image-bytes.js";
import { unpackLz4 } from "../../elfnotes/lz4.js";
import { unpackLzma } from "../../elfnotes/lzma.js";
import { unpackLzo } from "../../elfnotes/lzo.js";
import { unpackXz } from "../../elfnotes/xz.js";
import { unpackZstd } from "../../elfnotes/zstd.js";
import { hasTool, input, packWith, type Tool } from "./reference-tools.js";

/**
 * Tables of 2^18 entries, which hold any input here, and the bytes that zstd packs stay the same. It would clear those of -22, which
 * are larger than most kernels, for each of a few bytes.
 */
const SMALL_TABLES = "--zstd=hlog=18,clog=18";

type Decoder = (packed: ImageBytes, limit: number) => Uint8Array | Promise<Uint8Array>;

export const DECODERS: readonly (readonly [Tool, Decoder, options: readonly (readonly string[])[]])[] = [
  [
    "lz4",
    unpackLz4,
    [
      ["-l", "-1", "-q", "-c"],
      ["-l", "-9", "-q", "-c"],
    ],
  ],
  [
    "lzo",
    unpackLzo,
    [
      ["-1", "-c"],
      ["-9", "-c"],
      ["-3", "--crc32", "-c"],
      ["-3", "--no-checksum", "-c"],
    ],
  ],
  [
    "bzip2",
    unpackBzip2,
    [
      ["-1", "-c"],
      ["-9", "-c"],
    ],
  ],
  [
    "lzma",
    unpackLzma,
    [
      ["--format=lzma", "-9", "-c"],
      ["--format=lzma", "-0", "-c"],
      ["--format=lzma", "--lzma1=preset=3,lc=0,lp=2,pb=0", "-c"],
      ["--format=lzma", "--lzma1=preset=6,lc=4,lp=0,pb=4", "-c"],
    ],
  ],
  [
    "xz",
    unpackXz,
    [
      ["--check=crc32", "-6", "-c"],
      ["--check=crc32", "--x86", "--lzma2=dict=64KiB", "-c"],
    ],
  ],
  [
    "zstd",
    unpackZstd,
    [
      ["-1", "-q", "-c"],
      ["-19", SMALL_TABLES, "-q", "-c"],
      ["--ultra", "-22", SMALL_TABLES, "-q", "-c"],
      ["--fast=5", "--no-check", "-q", "-c"],
      ["-3", "--no-content-size", "-q", "-c"],
    ],
  ],
];

const LIMIT = 2 ** 26;

/** One `it` a decoder: `inputs` generated ones are unpacked as they were before the tool packed them. */
export function compareWithTools(inputs: number): void {
  for (const [tool, unpack, options] of DECODERS) {
    it(`unpacks ${inputs} generated inputs as ${tool} packed them`, async function () {
      if (!hasTool(tool)) return this.skip();
      let next = 0;
      const same = fc.asyncProperty(input, fc.boolean(), async (data, sized) => {
        const packed = packWith(tool, data, options[next++ % options.length]!);
        const unpacked = await unpack(new ImageBytes("k", packed), sized ? data.length : LIMIT);
        expect(Buffer.compare(unpacked, data)).to.equal(0);
      });
      await fc.assert(same, { numRuns: inputs });
    }).timeout(600_000);
  }
}
