/** The tools that kernels are packed with, as references; a test that needs one is skipped where it is missing. */
import { spawnSync } from "node:child_process";
import fc from "fast-check";

/** How each packs for a kernel. Mirrors: linux scripts/Makefile.lib, cmd_gzip and those after it. */
export const TOOLS = {
  gzip: ["gzip", "-n", "-9", "-c"],
  bzip2: ["bzip2", "-9", "-c"],
  lzma: ["xz", "--format=lzma", "-9", "-c"],
  xz: ["xz", "--check=crc32", "--x86", "--lzma2=,dict=32MiB", "-c"],
  lzo: ["lzop", "-9", "-c"],
  lz4: ["lz4", "-l", "-9", "-q", "-c"],
  zstd: ["zstd", "-19", "-q", "-c"],
} as const;

export type Tool = keyof typeof TOOLS;

export function hasTool(tool: Tool): boolean {
  return spawnSync(TOOLS[tool][0], ["--version"], { stdio: "ignore" }).error === undefined;
}

/** What the tool makes of `data`; the first options replaced by `options`, where they are given. */
export function packWith(tool: Tool, data: Uint8Array, options?: readonly string[]): Buffer {
  const [command, ...usual] = TOOLS[tool];
  const { status, stdout, stderr } = spawnSync(command, options ?? usual, {
    input: data,
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`${command} ${(options ?? usual).join(" ")}: ${stderr.toString()}`);
  return stdout;
}

/** Bytes of the kinds that packers tell apart: any, few different ones, long runs, texts that come again. */
export const input: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => [bytes, 1] as const),
      fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 5000 })),
      fc.tuple(fc.uint8Array({ minLength: 20, maxLength: 300 }), fc.integer({ min: 1, max: 40 })),
      fc.integer().map((seed) => [noise(seed, 1 + ((seed >>> 0) % 20_000)), 1] as const),
    ),
    { maxLength: 8 },
  )
  .map((parts) =>
    Buffer.concat(parts.flatMap(([bytes, times]) => Array.from({ length: times }, () => bytes))),
  );

/** `length` bytes of a generator with that seed, some half of them from an alphabet of 16. */
export function noise(seed: number, length: number): Uint8Array {
  let x = seed | 1;
  return new Uint8Array(length).map(() => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return (x & 0x100) === 0 ? x >>> 28 : x >>> 24;
  });
}
