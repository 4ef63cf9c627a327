import { expect } from "chai";
import { unpackBzip2 } from "../../elfnotes/bzip2.js";
import { ImageBytes } from "../../elfnotes/image-bytes.js";
import { unpackLz4 } from "../../elfnotes/lz4.js";
import { unpackLzma } from "../../elfnotes/lzma.js";
import { unpackLzo } from "../../elfnotes/lzo.js";
import { compareWithTools } from "./decoders.js";
import { rejection } from "./image-builder.js";
import { hasTool, noise, packWith } from "./reference-tools.js";

const bytes = (data: Uint8Array) => new ImageBytes("k", data);
const hex = (text: string) => bytes(Buffer.from(text.replaceAll(" ", ""), "hex"));

describe("the decoders", () => {
  compareWithTools(10);

  // chunks have at most 8 MiB, 900 kB, 256 KiB
  for (const [tool, unpack, noiseBytes] of [
    ["lz4", unpackLz4, 9 * 2 ** 20],
    ["bzip2", unpackBzip2, 2 * 2 ** 20],
    ["lzo", unpackLzo, 2 ** 20],
  ] as const) {
    it(`unpack ${tool}'s chunks of an input that takes several, the size unsaid`, function () {
      if (!hasTool(tool)) return this.skip();
      const large = Buffer.concat([noise(7, noiseBytes), Buffer.alloc(2 ** 20)]);
      expect(Buffer.compare(unpack(bytes(packWith(tool, large)), 2 ** 26), large)).to.equal(0);
    });
  }

  it("unpack a file of several streams of bzip2, as bzip2 does", function () {
    if (!hasTool("bzip2")) return this.skip();
    const twice = Buffer.concat([
      packWith("bzip2", Buffer.from("one")),
      packWith("bzip2", Buffer.from("two")),
    ]);
    expect(Buffer.from(unpackBzip2(bytes(twice), 100)).toString()).to.equal("onetwo");
  });

  const lz4 = "02214c18";
  const lzop = "894c5a4f000d0a1a0a 1030 20a0 0940 01 05 00000001 000081a4 00000000 00000000 00 00000000";
  for (const [what, run, message] of [
    [
      "lz4: a chunk of no bytes",
      () => unpackLz4(hex(`${lz4} 00000000`), 99),
      "0x4: an lz4 chunk cannot have 0 bytes",
    ],
    [
      "lz4: half a chunk",
      () => unpackLz4(hex(`${lz4} 08000000 10 61`), 99),
      "0x8: an lz4 chunk (8 bytes) goes beyond",
    ],
    [
      "lz4: literals beyond the chunk",
      () => unpackLz4(hex(`${lz4} 02000000 40 61`), 99),
      "0x8: an lz4 sequence goes",
    ],
    [
      "lz4: a match before the beginning",
      () => unpackLz4(hex(`${lz4} 05000000 10 61 0200 00`), 99),
      "0x8: an lz4 match is 2 bytes back, of 1",
    ],
    [
      "lz4: more than the limit",
      () => unpackLz4(hex(`${lz4} 03000000 20 6161`), 1),
      "0x8: unpacks to more than 1",
    ],
    [
      "lzo: a filter",
      () => unpackLzo(hex(lzop.replace("00000001", "00000801")), 99),
      "0x11: the lzop file has filters",
    ],
    [
      "lzo: a block that grew",
      () => unpackLzo(hex(`${lzop} 00000002 00000003`), 99),
      "0x26: an lzo block cannot unpack from 3 to 2 bytes",
    ],
    [
      "lzo: a wrong checksum",
      () => unpackLzo(hex(`${lzop} 00000002 00000002 00000000 6161 00000000`), 99),
      "0x2e: the checksum of an lzo block differs",
    ],
    ["lzo: no end", () => unpackLzo(hex(lzop), 99), "0x26: the size of an lzo block (1 bytes) goes beyond"],
    [
      "lzo: a match before the beginning",
      () => unpackLzo(hex(`${lzop} 00000009 00000006 00000000 12 61 40 02 1100`), 99),
      "0x36: an lzo match is 17 bytes back, of 1",
    ],
    ["bzip2: level 0", () => unpackBzip2(bytes(Buffer.from("BZh0")), 99), "0x0: is no bzip2 stream"],
    [
      "bzip2: no block",
      () => unpackBzip2(bytes(Buffer.from("BZh9nothing")), 99),
      "0x4: neither a bzip2 block nor",
    ],
    [
      "bzip2: no end",
      () => unpackBzip2(hex("425a6839 314159265359"), 99),
      "0xa: the bzip2 stream has no end",
    ],
    ["lzma: properties beyond 224", () => unpackLzma(hex("ff"), 99), "0x0: lzma has no properties 255"],
    [
      "lzma: more than the limit",
      () => unpackLzma(hex("5d 00000100 6400000000000000 00 00000000"), 99),
      "0x5: says that it unpacks to 100 bytes, more than 99;",
    ],
    [
      "lzma: no end",
      () => unpackLzma(hex("5d 00000100 6300000000000000 00 00000000"), 99),
      "0x12: the lzma stream has no end",
    ],
  ] as const) {
    it(`say where it is wrong: ${what}`, async () => {
      const error = await rejection(run);
      expect(error.name, error.stack!).to.equal("BadInput");
      expect(error.message).to.match(/^k: offset 0x[0-9a-f]+: [^\n]+; [^\n]+$/);
      expect(error.message.slice("k: offset ".length)).to.satisfy(
        (text: string) => text.startsWith(message),
        error.message,
      );
    });
  }
});
