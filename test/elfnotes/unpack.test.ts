import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { undoBcjX86 } from "../../elfnotes/bcj-x86.js";
import { ImageBytes } from "../../elfnotes/image-bytes.js";
import { unpackXz } from "../../elfnotes/xz.js";
import { unpackZstd } from "../../elfnotes/zstd.js";
import { rejection, xzStored, zstdStored } from "./image-builder.js";

/** What xz and zstd packed into test/data/elfnotes: bytes that the x86 filter stumbles over. */
function code(size = 8192): Buffer {
  const alphabet = [0xe8, 0xe9, 0xe8, 0, 0, 0xff, 0xff, 1, 0x80, 0x10, 0xe9, 0x7f];
  let x = 1;
  return Buffer.alloc(size).map(() => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return alphabet[(x >>> 24) % alphabet.length]!;
  }) as Buffer;
}

const sample = (name: string) => readFileSync(join("test/data/elfnotes", name));
const bytes = (data: Uint8Array) => new ImageBytes("k", data);

describe("unpackXz", () => {
  for (const [name, options] of [
    ["kernel-options.xz", "--check=crc32 --x86 --lzma2=dict=32MiB"],
    ["three-blocks.xz", "--check=crc32 --x86 --lzma2=dict=1MiB --block-size=3000 -T2"],
    ["default-options.xz", "no options"],
  ] as const) {
    it(`unpacks what xz packed with ${options}`, () => {
      expect(Buffer.from(unpackXz(bytes(sample(name)), 8192)).equals(code())).to.be.true;
    });
  }

  it("refuses to unpack more than it may", async () => {
    const error = await rejection(() => unpackXz(bytes(sample("kernel-options.xz")), 8191));
    expect(error.message).to.equal(
      "k: offset 0x0: unpacks to 8192 bytes; name a kernel of at most 8191 bytes",
    );
  });

  it("compares the CRC32 of what it unpacked", async () => {
    const stored = xzStored(code(100));
    stored[12 + 12 + 3 + 50]! ^= 1;
    const error = await rejection(() => unpackXz(bytes(stored), 8192));
    expect(error.message).to.match(/^k: offset 0x80: the xz check differs from what is unpacked; /);
  });
});

describe("undoBcjX86", () => {
  for (const [what, packed, unpacked] of [
    ["a call at 0 with the absolute target 0x105", "e805010000", "e800010000"],
    ["a jump back", "e900000000", "e9fbffffff"],
    ["a target too far off", "e805010012", "e805010012"],
    ["an opcode without room for its target", "909090e8050100", "909090e8050100"],
    ["nothing", "", ""],
  ] as const) {
    it(`undoes ${what}`, () => {
      const data = Buffer.from(packed, "hex");
      undoBcjX86(data);
      expect(data.toString("hex")).to.equal(unpacked);
    });
  }
});

describe("undoBcjX86, four bytes at a time", () => {
  /** The bytes, unfiltered, that begin `lead` bytes after a word does. */
  const undone = (bytes: Uint8Array, lead: number) => {
    const data = new Uint8Array(new ArrayBuffer(lead + bytes.length), lead, bytes.length);
    data.set(bytes);
    undoBcjX86(data);
    return Buffer.from(data).toString("hex");
  };
  const anywhere = (bytes: Uint8Array) => new Set([0, 1, 2, 3].map((lead) => undone(bytes, lead)));

  it("finds an opcode wherever it is, and wherever in memory the bytes are", () => {
    for (let size = 0; size < 40; size++) {
      for (let opcode = 0; opcode < size; opcode++) {
        const bytes = new Uint8Array(size).fill(0x11);
        bytes[opcode] = 0xe8 | (opcode & 1);
        const expected = Buffer.from(bytes);
        if (opcode + 4 < size) {
          bytes[opcode + 4] = 0;
          expected.writeUInt32LE(0x111111 - (opcode + 5), opcode + 1);
        }
        expect([...anywhere(bytes)], `size ${size}, opcode at ${opcode}`).to.deep.equal([
          expected.toString("hex"),
        ]);
      }
    }
  });

  it("does the same to bytes that it stumbles over, wherever in memory they are", () => {
    expect(anywhere(code()).size).to.equal(1);
  });
});

describe("unpackZstd", () => {
  const packed = sample("ultra-22.zst");
  const changed = Buffer.from(packed);
  changed[1500]! ^= 1;

  it("unpacks what zstd packed with --ultra -22", () => {
    expect(Buffer.from(unpackZstd(bytes(packed), 8192)).equals(code())).to.be.true;
  });

  it("unpacks a frame that has no checksum", () => {
    expect(Buffer.from(unpackZstd(bytes(zstdStored(code())), 8192)).equals(code())).to.be.true;
  });

  const gigabytes = zstdStored(code(10));
  gigabytes.writeUInt32LE(0xffff_ffff, 5);
  for (const [what, data, limit, message] of [
    [
      "more than it may unpack",
      packed,
      8191,
      /^k: offset 0x0: says that it unpacks to 8192 bytes, more than 8191; the size behind/,
    ],
    [
      "a byte that changed",
      changed,
      8192,
      /^k: offset 0x\w+: the (literals|sequences|Huffman code) of a zstd block|the zstd checksum differs/,
    ],
    [
      "two frames",
      Buffer.concat([packed, packed]),
      8192,
      /there is more than one zstd frame; unpack it with zstd -d/,
    ],
    [
      "a frame without its end",
      packed.subarray(0, -5),
      8192,
      /^k: offset 0x\w+: a zstd block .* goes beyond/,
    ],
    [
      "a window of gigabytes",
      gigabytes,
      8192,
      /the zstd window has 4294967295 bytes; unpack it with zstd -d/,
    ],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const error = await rejection(() => unpackZstd(bytes(data), limit));
      expect(error.message).to.match(message);
    });
  }
});
