/** Images of all kinds, damaged at random: each is read, or refused in one line that says where it is wrong. */
import { readFileSync } from "node:fs";
import { expect } from "chai";
import fc from "fast-check";
import { BadInput } from "../../abi/bad-input.js";
import { whyNotLoaded } from "../../elfnotes/note-check.js";
import { decodeImage } from "../../elfnotes/read-image.js";
import { setFeature } from "../../elfnotes/write/set-feature.js";
import { bzImage, elf, le32, linuxNotes, pack, xzStored } from "./image-builder.js";
import { hasTool, noise, packWith, type Tool } from "./reference-tools.js";

/** No image may take longer. */
const LIMIT_MS = 1000;

/** What reading may take: so often the image, which is the file and the kernel that it unpacks to. */
const TIMES_IMAGE = 4;

/** And what a decoder works with, whatever the image's size: most is bzip2's block of 900,000 words. */
const WORKING_BYTES = 2 ** 22;

/** What the streams in test/data/elfnotes unpack to. */
const STREAM = 8192;

const sample = (name: string) => readFileSync(`test/data/elfnotes/${name}`);
const guest = "GUEST_OS=linux,XEN_VER=xen-3.0,FEATURES=!dom0";
const kernel = elf({ segment: [...linuxNotes, { type: 7, desc: noise(1, 3000) }] });

const packedBy = (tool: Tool): [string, Buffer][] =>
  hasTool(tool)
    ? [
        [
          `a bzImage that ${tool} packed`,
          bzImage(Buffer.concat([packWith(tool, kernel), le32(kernel.length)])),
        ],
      ]
    : [];

export const IMAGES: readonly (readonly [string, Buffer])[] = [
  ["a vmlinux of 64 bits", elf()],
  ["a vmlinux of 32 bits", elf({ bits: 32, section: linuxNotes, guest })],
  ["a vmlinux with __xen_guest", elf({ guest })],
  ["a bzImage with gzip", bzImage(pack.gzip(elf()))],
  ["a bzImage with xz", bzImage(pack.xz(elf()))],
  ["a bzImage with zstd", bzImage(pack.zstd(elf()))],
  ["a vmlinux.xz", xzStored(elf())],
  ["a stream of xz as kernels have it", sample("kernel-options.xz")],
  ["a stream of xz of three blocks", sample("three-blocks.xz")],
  ["a frame of zstd", sample("ultra-22.zst")],
  ...(["bzip2", "lzma", "lzo", "lz4", "zstd", "xz"] as const).flatMap(packedBy),
];

/** All that was allocated for bytes, and is not collected yet: so a difference of two is never too small by reuse. */
function allocated(): number {
  return process.memoryUsage().external;
}

/** An image is read, or is bad input in one line; nothing else happens, and no more memory is taken. */
async function isReadOrRefused(image: Uint8Array, edit: boolean, most: number): Promise<void> {
  const began = performance.now();
  const before = allocated();
  try {
    const read = await decodeImage(image, "k");
    whyNotLoaded(read, "pv");
    if (edit) await setFeature(read, { name: "x", bit: 21, way: "features-string", state: "supported" });
  } catch (error) {
    if (!(error instanceof BadInput)) throw error;
    expect(error.message).to.match(/^k: offset 0x[0-9a-f]+[^\n]*: [^\n]+; [^\n]+$/);
  }
  expect(performance.now() - began, "milliseconds").to.be.below(LIMIT_MS);
  const times = edit ? 2 : 1; // an edit unpacks again, and what was taken before is not collected yet
  expect(allocated() - before, "bytes allocated").to.be.at.most(times * most);
}

/** Two `it` an image, with `runs` damaged copies each. */
export function damageImages(runs: number): void {
  for (const [what, image] of IMAGES) {
    let most = 0;
    before(async () => {
      const sound = await decodeImage(image, "k").catch(() => undefined); // some are streams of no kernel
      const unpacked = sound === undefined ? STREAM : sound.elf.bytes.length;
      most = TIMES_IMAGE * (image.length + unpacked) + WORKING_BYTES;
    });

    it(`is read or refused, wherever ${what} is cut`, async () => {
      const cut = fc.asyncProperty(fc.nat(image.length), fc.boolean(), (end, edit) =>
        isReadOrRefused(image.subarray(0, end), edit, most),
      );
      await fc.assert(cut, { numRuns: runs });
    }).timeout(3_600_000);

    it(`is read or refused, whichever bytes and bits of ${what} change`, async () => {
      // Headers are small, and most of what can go wrong is in them, and in the sizes at the end.
      const place = fc.oneof(
        fc.nat(image.length - 1),
        fc.nat(Math.min(image.length, 256) - 1),
        fc.nat(63).map((back) => image.length - 1 - back),
        fc.integer({ min: 0x1f0, max: 0x268 }).map((offset) => Math.min(offset, image.length - 1)),
      );
      const value = fc.oneof(
        fc.nat(255).map((byte) => () => byte),
        fc.nat(7).map((bit) => (old: number) => old ^ (1 << bit)),
        fc.constantFrom(0, 0xff, 0x7f, 0x80).map((byte) => () => byte),
      );
      const changes = fc.array(fc.tuple(place, value), { minLength: 1, maxLength: 4 });
      const changed = fc.asyncProperty(
        changes,
        fc.option(fc.nat(image.length)),
        fc.boolean(),
        (bytes, end, edit) => {
          const copy = Uint8Array.from(image);
          for (const [offset, change] of bytes) copy[offset] = change(copy[offset]!);
          return isReadOrRefused(copy.subarray(0, end ?? copy.length), edit, most);
        },
      );
      await fc.assert(changed, { numRuns: runs });
    }).timeout(3_600_000);
  }
}
