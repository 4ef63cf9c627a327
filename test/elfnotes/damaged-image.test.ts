import { readFileSync } from "node:fs";
import { expect } from "chai";
import fc from "fast-check";
import { BadInput } from "../../abi/bad-input.js";
import { whyNotLoaded } from "../../elfnotes/note-check.js";
import { decodeImage } from "../../elfnotes/read-image.js";
import { bzImage, elf, linuxNotes, pack, xzStored } from "./image-builder.js";

const RUNS = Number(process.env.PVTWIN_FUZZ_RUNS ?? 300);

/** An image is read, or is bad input in one line; nothing else happens. */
async function isReadOrRefused(image: Uint8Array): Promise<void> {
  try {
    whyNotLoaded(await decodeImage(image, "k"), "pv");
  } catch (error) {
    if (!(error instanceof BadInput)) throw error;
    expect(error.message).to.match(/^k: offset 0x[0-9a-f]+[^\n]*; [^\n]+$/);
  }
}

describe("a damaged image", () => {
  const sample = (name: string) => readFileSync(`test/data/elfnotes/${name}`);
  const guest = "GUEST_OS=linux,XEN_VER=xen-3.0,FEATURES=!dom0";
  for (const [what, image] of [
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
  ] as const) {
    it(`is read or refused, wherever ${what} is cut`, async () => {
      const cut = fc.asyncProperty(fc.nat(image.length), (end) => isReadOrRefused(image.subarray(0, end)));
      await fc.assert(cut, { numRuns: RUNS });
    });

    it(`is read or refused, whichever bytes of ${what} change`, async () => {
      // Headers are small, and most of what can go wrong is in them.
      const place = fc.oneof(fc.nat(image.length - 1), fc.nat(Math.min(image.length, 256) - 1));
      const changes = fc.array(fc.tuple(place, fc.nat(255)), { minLength: 1, maxLength: 4 });
      const changed = fc.asyncProperty(changes, (bytes) => {
        const copy = Uint8Array.from(image);
        for (const [offset, value] of bytes) copy[offset] = value;
        return isReadOrRefused(copy);
      });
      await fc.assert(changed, { numRuns: RUNS });
    });
  }
});
