import { expect } from "chai";
import { decodeImage } from "../../elfnotes/read-image.js";
import { elf, le32, le64, type NoteSpec, rejection } from "./image-builder.js";

const decode = async (...segment: NoteSpec[]) => {
  const { notes } = await decodeImage(elf({ segment }), "k");
  return notes.map(({ name, value, remark }) => [name, value, remark]);
};

describe("decodeNote", () => {
  const bytes = (...values: number[]) => Buffer.from(values);
  for (const [type, desc, ...expected] of [
    [1, bytes(0x12), "ENTRY", "0x12", ""],
    [1, bytes(0x34, 0x12), "ENTRY", "0x1234", ""],
    [1, le32(0x80000000), "ENTRY", "0x80000000", ""],
    [15, le64(0xffff_8000_0000_0000n), "INIT_P2M", "0xffff800000000000", ""],
    [1, bytes(1, 2, 3), "ENTRY", "0x0", "3 bytes: reads as 0"],
    [1, bytes(), "ENTRY", "0x0", "0 bytes: reads as 0"],
    [6, "linux\0", "GUEST_OS", "linux", ""],
    [6, "linux\0 2.6\0", "GUEST_OS", "linux", ""],
    [10, "dom0|", "FEATURES", "dom0|", ""], // the padding has the NUL
    [17, le32(0x801), "SUPPORTED_FEATURES", "0x801", ""],
    [17, le64(0x2_0000_0001n), "SUPPORTED_FEATURES", "0x1 0x2", "words after the first are ignored"],
    [17, bytes(1, 8), "SUPPORTED_FEATURES", "", "2 bytes, no multiple of 4: reads as 0"],
    [17, bytes(), "SUPPORTED_FEATURES", "", "no word: reads as 0"],
    [13, le64(0x3_0000_0001n), "L1_MFN_VALID", "0x1 0x3", "not read"],
    [13, Buffer.concat([le64(1n), le64(3n)]), "L1_MFN_VALID", "0x1 0x3", "not read"],
    [13, bytes(1, 2), "L1_MFN_VALID", "0102", "not read"],
    [0, "A=B\0", "INFO", "A=B", "not read"],
    [
      19,
      Buffer.concat([le32(0x200000), le32(0)]),
      "PHYS32_RELOC",
      "0x200000 0x0",
      "not in Xen 4.17: ignored",
    ],
    [20, bytes(0xca, 0xfe), "unknown", "cafe", "unknown number: ignored"],
    [0x1000001, bytes(1), "CRASH_INFO", "01", "of a dump: ignored in a kernel"],
    [0x1000002, bytes(2), "CRASH_REGS", "02", "of a dump: ignored in a kernel"],
    [0x2000000, bytes(), "DUMPCORE_NONE", "", "of a dump: ignored in a kernel"],
    [0x2000001, bytes(3), "DUMPCORE_HEADER", "03", "of a dump: ignored in a kernel"],
    [0x2000002, bytes(4), "DUMPCORE_XEN_VERSION", "04", "of a dump: ignored in a kernel"],
    [0x2000003, bytes(5), "DUMPCORE_FORMAT_VERSION", "05", "of a dump: ignored in a kernel"],
    [0x2000004, bytes(6), "unknown", "06", "unknown number: ignored"],
  ] as const) {
    it(`reads ${Buffer.from(desc as string, "latin1").toString("hex") || "nothing"} of note ${type} as ${expected[1] || "nothing"}`, async () => {
      expect(await decode({ type, desc }, { type: 0, desc: "" })).to.have.deep.ordered.members([
        expected,
        ["INFO", "", "not read"],
      ]);
    });
  }

  it("reads a string on to its NUL, beyond the note, and says so", async () => {
    const [note] = await decode({ type: 8, desc: "gene" }, { type: 6, desc: "linux\0" });
    expect(note).to.deep.equal(["LOADER", "gene\x04", "no NUL within the note: read on beyond it"]);
  });

  it("refuses a string of more than 4096 bytes, as libelf does", async () => {
    expect((await decode({ type: 7, desc: `${"x".repeat(4096)}\0` }))[0]![1]).to.have.length(4096);
    const error = await rejection(() => decode({ type: 7, desc: `${"x".repeat(4097)}\0` }));
    expect(error.message).to.match(/^k: offset 0x[0-9a-f]+: GUEST_VERSION has no end; /);
  });
});

describe("readGuestInfo", () => {
  it("reads keys and values between commas", async () => {
    const guest =
      "GUEST_OS=linux,XEN_VER=xen-3.0,VIRT_BASE=0xC0000000,LOADER=generic,FEATURES=!dom0|x,BSD_SYMTAB,SHOE=42";
    const image = await decodeImage(elf({ guest }), "k");
    expect(image.notes.map(({ type, name, value }) => [type, name, value])).to.deep.equal([
      [6, "GUEST_OS", "linux"],
      [5, "XEN_VER", "xen-3.0"],
      [3, "VIRT_BASE", "0xC0000000"],
      [8, "LOADER", "generic"],
      [10, "FEATURES", "!dom0|x"],
      [11, "BSD_SYMTAB", ""],
      [null, "SHOE", "42"],
    ]);
    expect(image.features.required).to.deep.equal(["dom0"]);
    expect(image.features.supported).to.deep.equal(["dom0", "x"]);
  });

  it("is empty for an empty section", async () => {
    expect((await decodeImage(elf({ guest: "" }), "k")).notes).to.deep.equal([]);
  });
});
