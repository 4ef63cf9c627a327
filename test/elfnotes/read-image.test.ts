import { expect } from "chai";
import { decodeImage, readImage } from "../../elfnotes/read-image.js";
import { bzImage, elf, le32, linuxNotes, pack, rejection, xzStored, zstdStored } from "./image-builder.js";
import { hasTool, noise, packWith, type Tool, TOOLS } from "./reference-tools.js";

describe("decodeImage", () => {
  for (const [what, image, format, compression] of [
    ["a vmlinux of 64 bits", elf(), "elf64", "none"],
    ["a vmlinux of 32 bits", elf({ bits: 32, machine: 3, segment: linuxNotes }), "elf32", "none"],
    ["a vmlinux.gz", pack.gzip(elf()), "elf64", "gzip"],
    ["a vmlinux.xz", xzStored(elf()), "elf64", "xz"],
    ["a vmlinux.zst", zstdStored(elf()), "elf64", "zstd"],
    ["a bzImage with gzip", bzImage(pack.gzip(elf())), "bzImage", "gzip"],
    ["a bzImage with xz", bzImage(pack.xz(elf())), "bzImage", "xz"],
    ["a bzImage with zstd", bzImage(pack.zstd(elf())), "bzImage", "zstd"],
    [
      "a bzImage that leaves its 4 setup sectors unsaid",
      bzImage(pack.gzip(elf()), 0x208, 0),
      "bzImage",
      "gzip",
    ],
    ["a bzImage with a bare ELF", bzImage(elf()), "bzImage", "none"],
  ] as const) {
    it(`finds the notes of ${what}`, async () => {
      const read = await decodeImage(image, "k");
      expect([read.format, read.compression, read.source]).to.deep.equal([format, compression, "PT_NOTE"]);
      expect(read.notes.map(({ type, name, value }) => [type, name, value])).to.deep.equal([
        [6, "GUEST_OS", "linux"],
        [5, "XEN_VERSION", "xen-3.0"],
        [3, "VIRT_BASE", "0xffffffff80000000"],
        [10, "FEATURES", "!writable_page_tables|pae_pgdir_above_4gb"],
        [17, "SUPPORTED_FEATURES", "0x8801"],
        [8, "LOADER", "generic"],
        [13, "L1_MFN_VALID", "0x1 0x1"],
        [18, "PHYS32_ENTRY", "0x1000850"],
      ]);
      expect(read.features.required).to.deep.equal(["writable_page_tables"]);
      expect(read.features.supported).to.deep.equal([
        "writable_page_tables",
        "pae_pgdir_above_4gb",
        "dom0",
        "linux_rsdp_unrestricted",
      ]);
      expect(read.features.unknown).to.deep.equal([]);
    });
  }

  const image = elf();
  for (const [what, damaged, message] of [
    ["an empty file", Buffer.alloc(0), /^k: offset 0x0: is neither ELF nor bzImage; name a vmlinux/],
    ["a text", Buffer.from("#!/bin/sh\n"), /^k: offset 0x0: is neither ELF nor bzImage; /],
    ["half an ELF header", image.subarray(0, 40), /^k: offset 0x0: the ELF header \(64 bytes\) goes beyond/],
    [
      "an ELF without its end",
      image.subarray(0, -8),
      /^k: offset 0x[0-9a-f]+: the section header table .* cut short/,
    ],
    [
      "a bzImage without its end",
      bzImage(pack.gzip(image)).subarray(0, 1200),
      /^k: offset 0x440: the compressed kernel .* cut short/,
    ],
    [
      "boot protocol 2.07",
      bzImage(pack.gzip(image), 0x207),
      /boot protocol 2\.07 does not say .* name the vmlinux/,
    ],
    ["an empty payload", bzImage(Buffer.alloc(0)), /^k: offset 0x24c: the payload is empty/],
    [
      "a bzImage with something",
      bzImage(Buffer.from("........")),
      /offset 0x0 of the compressed kernel: is neither ELF nor/,
    ],
    [
      "a payload too short for its size",
      bzImage(Buffer.from("\x1f\x8b", "latin1")),
      /^k: offset 0x0 of the compressed kernel: the compressed kernel with its size \(8 bytes\) goes beyond/,
    ],
    [
      "a wrong size behind the kernel",
      bzImage(Buffer.concat([pack.zstd(image).subarray(0, -4), le32(7)])),
      /^k: offset 0x0 of .*: says that it unpacks to \d+ bytes, more than 7; the size behind/,
    ],
    ["gzip without its end", pack.gzip(image).subarray(0, -20), /^k: offset 0x0: the gzip stream is damaged/],
    ["a big-endian ELF", Buffer.from(image).fill(2, 5, 6), /^k: offset 0x5: is not little-endian/],
    ["ELF class 3", Buffer.from(image).fill(3, 4, 5), /^k: offset 0x4: ELF class 3/],
  ] as const) {
    it(`says of ${what} where it is wrong, and what to do`, async () => {
      const error = await rejection(() => decodeImage(damaged, "k"));
      expect(error.name).to.equal("BadInput");
      expect(error.message).to.match(message);
    });
  }
});

describe("a bzImage", () => {
  for (const tool of Object.keys(TOOLS) as Tool[]) {
    it(`whose kernel ${tool} packed has the notes of the kernel, byte for byte`, async function () {
      if (!hasTool(tool)) return this.skip();
      const kernel = elf({
        segment: [...linuxNotes, { type: 7, desc: noise(1, 3000) }, { type: 6, desc: "" }],
      });
      const size = tool === "gzip" ? Buffer.alloc(0) : le32(kernel.length);
      const image = await decodeImage(bzImage(Buffer.concat([packWith(tool, kernel), size])), "k");
      expect([image.format, image.compression]).to.deep.equal(["bzImage", tool]);
      expect(Buffer.compare(image.elf.bytes.data, kernel)).to.equal(0);
      const alone = await decodeImage(packWith(tool, kernel), "k");
      expect([alone.format, alone.compression]).to.deep.equal(["elf64", tool]);
      expect(alone.notes.map(({ raw }) => raw!.desc)).to.deep.equal(
        (await decodeImage(kernel, "k")).notes.map(({ raw }) => raw!.desc),
      );
    });
  }
});

describe("readImage", () => {
  for (const [file, message] of [
    ["/nonexistent/vmlinuz", "/nonexistent/vmlinuz: cannot be read (ENOENT); name a vmlinux or a bzImage"],
    ["/dev/null", "/dev/null: is no regular file; name a vmlinux or a bzImage"],
    [".", ".: is no regular file; name a vmlinux or a bzImage"],
  ] as const) {
    it(`refuses ${file}`, async () => {
      expect((await rejection(() => readImage(file))).message).to.equal(message);
    });
  }
});
