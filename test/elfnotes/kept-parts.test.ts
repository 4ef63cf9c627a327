import { expect } from "chai";
import { ImageBytes } from "../../elfnotes/image-bytes.js";
import { decodeImage, decodeImageNotes, type ImageNotes } from "../../elfnotes/read-image.js";
import { KeptParts, NotKept, PartlyKept } from "../../elfnotes/kept-parts.js";
import { unpack } from "../../elfnotes/unpack.js";
import { bzImage, elf, le32, linuxNotes, rejection } from "./image-builder.js";
import { hasTool, noise, packWith, type Tool } from "./reference-tools.js";

/** A kernel whose notes are at its beginning, and that is larger than what is unpacked before some is let go. */
const large = (size: number) =>
  elf({
    segment: linuxNotes,
    section: [
      {
        type: 7,
        desc: noise(1, size / 16)
          .join()
          .padEnd(size),
      },
    ],
  });

const packed = (tool: Tool, kernel: Buffer, options?: readonly string[]) =>
  bzImage(Buffer.concat([packWith(tool, kernel, options), le32(kernel.length)]));

const said = ({ format, compression, source, notes, features, elf: { segments, sections } }: ImageNotes) => ({
  ...{ format, compression, source, segments, sections, features },
  notes: notes.map(({ raw, ...note }) => ({ ...note, desc: Buffer.from(raw?.desc ?? []).toString("hex") })),
});

/** Windows that are smaller than what is unpacked. */
const WINDOWS: readonly (readonly [Tool, readonly string[], number])[] = [
  ["bzip2", ["-1", "-c"], 900_000],
  ["lzo", ["-3", "-c"], 700_000],
  ["lz4", ["-l", "-1", "-q", "-c"], 9_000_000],
  ["zstd", ["--fast=5", "--zstd=wlog=17", "-q", "-c"], 2_000_000],
  ["zstd", ["-9", "--zstd=wlog=17", "--no-check", "-q", "-c"], 3_000_000],
  ["lzma", ["--format=lzma", "--lzma1=dict=64KiB", "-c"], 3_000_000],
  ["xz", ["--check=crc32", "--x86", "--lzma2=dict=64KiB", "--block-size=500000", "-c"], 1_500_000],
];

/** As KeptParts, and all that was unpacked. */
class All extends KeptParts {
  readonly passed: Buffer[] = [];

  override take(bytes: Uint8Array): void {
    this.passed.push(Buffer.from(bytes));
    super.take(bytes);
  }
}

describe("a reader of notes alone", () => {
  for (const [tool, options, size] of WINDOWS) {
    it(`lets go of what ${tool} ${options.join(" ")} packed, part by part, and of nothing else`, function () {
      if (!hasTool(tool)) return this.skip();
      const kernel = large(size);
      const kept = new All();
      unpack(new ImageBytes("k", packWith(tool, kernel, options)), false, kept);
      expect(kept.passed.length).to.be.above(1);
      expect(Buffer.compare(Buffer.concat(kept.passed), kernel)).to.equal(0);
    });

    it(`is told what a reader of the whole kernel is, where ${tool} ${options.join(" ")} packed it`, async function () {
      if (!hasTool(tool)) return this.skip();
      for (const kernel of [
        large(size),
        elf({ section: linuxNotes }),
        elf({ guest: "GUEST_OS=linux" }),
        elf(),
      ]) {
        const image = packed(tool, kernel, options);
        expect(said(await decodeImageNotes(image, "k"))).to.deep.equal(said(await decodeImage(image, "k")));
      }
    });

    it(`is told the same of a kernel that ${tool} ${options.join(" ")} packed and that is damaged`, async function () {
      if (!hasTool(tool)) return this.skip();
      const image = packed(tool, large(size), options);
      for (const part of [0.3, 0.9]) {
        const cut = Buffer.from(image);
        cut.fill(0xff, Math.floor(image.length * part), Math.floor(image.length * part) + 300);
        const [partly, whole] = [() => decodeImageNotes(cut, "k"), () => decodeImage(cut, "k")];
        const outcome = await whole().catch((error: Error) => error.message);
        if (typeof outcome === "string") expect((await rejection(partly)).message).to.equal(outcome);
        else expect(said(await partly())).to.deep.equal(said(outcome));
      }
    });
  }

  it("holds the headers and the notes that they point to, of all that was unpacked", () => {
    const kernel = large(300_000);
    const kept = new KeptParts();
    for (let at = 0; at < kernel.length; at += 1000) kept.take(kernel.subarray(at, at + 1000));
    expect(kept.length).to.equal(kernel.length);
    const data = kept.at(0, kept.length);
    const different = kernel.findIndex((byte, i) => data[i] !== byte);
    expect(different)
      .to.be.above(64 + 56)
      .and.below(1000);
    expect(kept.has(different, 1)).to.be.false;
    expect(kept.has(0, 64)).to.be.true;
    expect(kept.has(kernel.length - 3 * 64, 3 * 64), "the section headers").to.be.true;
    expect(() => new PartlyKept("k", kept, "").u8(different, "a note")).to.throw(NotKept);
  });
});
