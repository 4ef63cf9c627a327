import { expect } from "chai";
import { readElf } from "../../elfnotes/elf.js";
import { findNotes } from "../../elfnotes/find-notes.js";
import { ImageBytes } from "../../elfnotes/image-bytes.js";
import { type ElfSpec, elf, le32, rejection } from "./image-builder.js";

const find = (spec: ElfSpec) => findNotes(readElf(new ImageBytes("k", elf(spec))));

describe("findNotes", () => {
  const inSegment = [{ type: 6, desc: "linux\0" }];
  const inSection = [{ type: 8, desc: "generic\0" }];
  const guest = "GUEST_OS=linux";
  for (const bits of [32, 64] as const) {
    for (const [what, spec, source, types] of [
      [
        "the PT_NOTE segment alone, where it has Xen notes",
        { segment: inSegment, section: inSection, guest },
        "PT_NOTE",
        [6],
      ],
      [
        "SHT_NOTE, where the segment's p_offset is 0",
        { segment: inSegment, segmentAtZero: true, section: inSection },
        "SHT_NOTE",
        [8],
      ],
      [
        "SHT_NOTE, where the segment has other notes only",
        { segment: [{ ...inSegment[0]!, owner: "GNU" }], section: inSection },
        "SHT_NOTE",
        [8],
      ],
      ["__xen_guest, where there is no note", { guest }, "__xen_guest", []],
      ["nothing in an image for bare metal", {}, "none", []],
    ] as const) {
      it(`takes ${what} (${bits} bits)`, () => {
        const found = find({ bits, ...spec });
        expect([found.source, found.notes.map(({ type }) => type)]).to.deep.equal([source, types]);
      });
    }
  }

  it("passes over notes of others, whose sizes are rounded up to 4", () => {
    const others = ["GNU", "Linux", "A", ""].map((owner) => ({ owner, type: 1, desc: "12345" }));
    const { notes } = find({ segment: [...others, ...inSegment, ...others, ...inSection] });
    expect(notes.map(({ desc }) => Buffer.from(desc).toString())).to.deep.equal(["linux\0", "generic\0"]);
  });

  it("tells Xen from Xenon and xen", () => {
    expect(
      find({ segment: ["Xenon", "xen", "XEN"].map((owner) => ({ owner, type: 6, desc: "x" })) }).source,
    ).to.equal("none");
  });

  it("refuses more than 65536 notes, as libelf does", async () => {
    const notes = Array.from({ length: 65_537 }, () => ({ type: 0, owner: "", desc: "" }));
    expect(find({ segment: notes.slice(1) }).source).to.equal("none");
    expect((await rejection(() => find({ segment: notes }))).message).to.match(/more than 65536 notes/);
  });

  it("refuses a description that goes beyond the file", async () => {
    const image = elf({ segment: inSegment });
    image.set(le32(0xffff_fff0), 64 + 56 + 4);
    const error = await rejection(() => findNotes(readElf(new ImageBytes("k", image))));
    expect(error.message).to.match(
      /^k: offset 0x88: the description of a note \(4294967280 bytes\) goes beyond the end/,
    );
  });
});
