import { expect } from "chai";
import { Features } from "../../elfnotes/parse-features.js";

const parse = (text: string) => {
  const features = new Features();
  return { accepted: features.parseString(text), features };
};

describe("Features.parseString", () => {
  for (const [text, supported, required] of [
    ["", [], []],
    ["dom0", ["dom0"], []],
    [
      "!writable_page_tables|pae_pgdir_above_4gb",
      ["writable_page_tables", "pae_pgdir_above_4gb"],
      ["writable_page_tables"],
    ],
    ["|dom0||", ["dom0"], []],
    ["dom0|!dom0", ["dom0"], ["dom0"]],
    [
      "!hvm_callback_vector|auto_translated_physmap",
      ["auto_translated_physmap", "hvm_callback_vector"],
      ["hvm_callback_vector"],
    ],
  ] as const) {
    it(`takes "${text}"`, () => {
      const { accepted, features } = parse(text);
      expect(accepted).to.be.true;
      expect([features.supported, features.required, features.unknown]).to.deep.equal([
        supported,
        required,
        [],
      ]);
    });
  }

  for (const name of ["exclusive_l4", "mmu_pt_update_preserve_ad", "Dom0", "dom0 ", "dom00"]) {
    it(`skips ${JSON.stringify(name)}, but keeps it for the reader`, () => {
      const { accepted, features } = parse(`dom0|${name}`);
      expect(accepted).to.be.true;
      expect(features.supportedBits).to.equal(1 << 11);
      expect(features.supported).to.deep.equal(["dom0", name]);
      expect(features.unknown).to.deep.equal([
        { name, note: "FEATURES", required: false, xen417: "skips the name" },
      ]);
    });

    it(`refuses the image for ${JSON.stringify(`!${name}`)}`, () => {
      const { accepted, features } = parse(`!${name}|dom0`);
      expect([accepted, features.refused, features.required]).to.deep.equal([false, name, [name]]);
      expect(features.unknown[0]!.xen417).to.match(/^refuses the image/);
    });
  }

  it("cuts a name at 63 characters, and reads the rest as a name of its own", () => {
    const { features } = parse(`${"x".repeat(63)}dom0`);
    expect(features.supported).to.deep.equal(["dom0", "x".repeat(63)]);
  });

  it("counts the ! among the 63", () => {
    const { features } = parse(`!${"x".repeat(62)}dom0`);
    expect(features.supportedBits).to.equal(1 << 11);
    expect(features.refused).to.equal("x".repeat(62));
  });
});

describe("Features.addWords", () => {
  for (const [words, supported, remarks] of [
    [[0x801], ["writable_page_tables", "dom0"], []],
    [[0], [], []],
    [[], [], []],
    [[1 << 20], ["dm_msix_all_writes"], ["keeps the bit; nothing acts on it"]],
    [[1 << 21], ["bit 21"], ["keeps the bit; nothing acts on it"]],
    [[0x8000_0000], ["bit 31"], ["keeps the bit; nothing acts on it"]],
    [[1, 2], ["writable_page_tables", "submap 1 bit 1"], ["ignores the word: it has one submap"]],
  ] as const) {
    it(`reads ${JSON.stringify(words)} as ${supported.join(", ") || "nothing"}`, () => {
      const features = new Features();
      features.addWords(words);
      expect(features.supported).to.deep.equal(supported);
      expect(features.required).to.deep.equal([]);
      expect(features.unknown.map(({ xen417 }) => xen417)).to.deep.equal(remarks);
    });
  }

  it("adds to what FEATURES says", () => {
    const { features } = parse("!dom0");
    features.addWords([0x1]);
    expect([features.supportedBits, features.requiredBits]).to.deep.equal([0x801, 0x800]);
  });
});
