import { expect } from "chai";
import { ELFNOTES, XEN_ELFNOTE_MAX_4_17 } from "../../abi/elf-notes.js";
import { XENFEAT, XENFEAT_FIRST_FREE, XENFEAT_NR_SUBMAPS, xenfeatName } from "../../abi/features.js";

describe("XENFEAT", () => {
  it("has a row for each bit below the first free one", () => {
    expect(XENFEAT.map(({ bit }) => bit)).to.deep.equal([...Array(XENFEAT_FIRST_FREE).keys()]);
  });

  it("has no two rows of one name", () => {
    expect(new Set(XENFEAT.map(({ name }) => name)).size).to.equal(XENFEAT.length);
  });

  it("has one submap", () => {
    expect(XENFEAT_NR_SUBMAPS).to.equal(1);
    expect(XENFEAT.every(({ submap }) => submap === 0)).to.be.true;
  });

  it("has seven names that a FEATURES note may use", () => {
    expect(XENFEAT.filter(({ inFeaturesNote }) => inFeaturesNote).map(({ bit }) => bit)).to.deep.equal([
      0, 1, 2, 3, 4, 8, 11,
    ]);
  });

  it("gained bits 18 to 20 after Xen 4.17", () => {
    expect(XENFEAT.filter(({ since }) => since === "master").map(({ bit }) => bit)).to.deep.equal([
      18, 19, 20,
    ]);
  });

  for (const [bit, submap, name] of [
    [0, 0, "writable_page_tables"],
    [11, 0, "dom0"],
    [20, 0, "dm_msix_all_writes"],
    [21, 0, "bit 21"],
    [31, 0, "bit 31"],
    [0, 1, "submap 1 bit 0"],
  ] as const) {
    it(`calls bit ${bit} of submap ${submap} ${name}`, () => {
      expect(xenfeatName(bit, submap)).to.equal(name);
    });
  }
});

describe("ELFNOTES", () => {
  it("has a row for each number, PHYS32_RELOC being the last", () => {
    expect(ELFNOTES.map(({ type }) => type)).to.deep.equal([...Array(20).keys()]);
  });

  it("ends with PHYS32_ENTRY in Xen 4.17", () => {
    expect(ELFNOTES[XEN_ELFNOTE_MAX_4_17]!.name).to.equal("PHYS32_ENTRY");
  });

  it("reads SUPPORTED_FEATURES as words, and no other note of Xen 4.17", () => {
    const words = ELFNOTES.filter(({ type, kind }) => kind === "words" && type <= XEN_ELFNOTE_MAX_4_17);
    expect(words.map(({ name }) => name)).to.deep.equal(["SUPPORTED_FEATURES"]);
  });
});
