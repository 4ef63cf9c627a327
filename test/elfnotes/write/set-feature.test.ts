import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { expect } from "chai";
import fc from "fast-check";
import { findPayload, SETUP } from "../../../elfnotes/bzimage.js";
import { ImageBytes } from "../../../elfnotes/image-bytes.js";
import { whyNotLoaded } from "../../../elfnotes/note-check.js";
import { decodeImage, type KernelImage } from "../../../elfnotes/read-image.js";
import type { FeatureEdit } from "../../../elfnotes/write/feature-edit.js";
import { setFeature } from "../../../elfnotes/write/set-feature.js";
import { bzImage, elf, type ElfSpec, le32, linuxNotes, pack, rejection } from "../image-builder.js";
import { asReadelf, hasProgram, readelfOfXen } from "../readelf.js";

const byBit: FeatureEdit = { name: "exclusive_l4", bit: 21, way: "supported-features", state: "supported" };
const byName: FeatureEdit = { name: "exclusive_l4", bit: 21, way: "features-string", state: "supported" };
const required: FeatureEdit = { ...byBit, state: "required" };
const removed: FeatureEdit = { ...byBit, state: "removed" };

const read = (data: Uint8Array) => decodeImage(data, "k");
const edit = async (data: Uint8Array, ...edits: FeatureEdit[]): Promise<Buffer> => {
  let now = data;
  for (const each of edits) now = (await setFeature(await read(now), each)).data;
  return Buffer.from(now);
};
const said = ({ notes }: KernelImage) =>
  notes.filter(({ name }) => /FEATURES/.test(name)).map(({ name, value }) => `${name} ${value}`);

const without = (...types: number[]) => linuxNotes.filter(({ type }) => !types.includes(type));

describe("setFeature", () => {
  const text = "!writable_page_tables|pae_pgdir_above_4gb";
  for (const [what, spec, asked, expected] of [
    ["sets a bit", {}, byBit, [`FEATURES ${text}`, "SUPPORTED_FEATURES 0x208801"]],
    ["adds a name", {}, byName, [`FEATURES ${text}|exclusive_l4`, "SUPPORTED_FEATURES 0x8801"]],
    [
      "sets a bit and requires the name, since no bit can require",
      {},
      required,
      [`FEATURES ${text}|!exclusive_l4`, "SUPPORTED_FEATURES 0x208801"],
    ],
    [
      "adds SUPPORTED_FEATURES with dom0, without which a dom0 would not be loaded any more",
      { segment: without(17) },
      byBit,
      [`FEATURES ${text}`, "SUPPORTED_FEATURES 0x200811"],
    ],
    [
      "adds FEATURES",
      { segment: without(10) },
      byName,
      ["SUPPORTED_FEATURES 0x8801", "FEATURES exclusive_l4"],
    ],
    [
      "adds a name to a section's notes",
      { section: linuxNotes },
      byName,
      [`FEATURES ${text}|exclusive_l4`, "SUPPORTED_FEATURES 0x8801"],
    ],
    [
      "adds a name to __xen_guest",
      { guest: "LOADER=generic,FEATURES=dom0,X=y" },
      byName,
      ["FEATURES dom0|exclusive_l4"],
    ],
    ["gives __xen_guest its FEATURES", { guest: "LOADER=generic" }, byName, ["FEATURES exclusive_l4"]],
    [
      "changes a name that is there",
      {},
      { ...byName, name: "pae_pgdir_above_4gb", state: "required" },
      ["FEATURES !writable_page_tables|!pae_pgdir_above_4gb", "SUPPORTED_FEATURES 0x8801"],
    ],
    [
      "removes a name that is there",
      {},
      { ...removed, name: "pae_pgdir_above_4gb", bit: 4 },
      ["FEATURES !writable_page_tables", "SUPPORTED_FEATURES 0x8801"],
    ],
  ] as const) {
    const image = (bits: 32 | 64) =>
      elf({
        bits,
        ...("segment" in spec || "section" in spec || "guest" in spec ? spec : { segment: linuxNotes }),
      });
    for (const bits of [32, 64] as const) {
      it(`${what}, in an ELF of ${bits} bits`, async () => {
        const edited = await read(await edit(image(bits), asked));
        expect(said(edited)).to.deep.equal(expected);
        if (asked.state !== "required")
          expect(whyNotLoaded(edited, "pv")).to.equal(whyNotLoaded(await read(image(bits)), "pv"));
      });
    }
  }

  it("changes four bytes where it sets a bit", async () => {
    const before = elf();
    const after = await edit(before, byBit);
    expect(after.length).to.equal(before.length);
    expect([...after].filter((byte, i) => byte !== before[i])).to.deep.equal([0x20]);
  });

  it("writes what readelf reads, and leaves all else as it was", async function () {
    if (!hasProgram("readelf")) return this.skip();
    const folder = mkdtempSync(join(tmpdir(), "pvtwin-"));
    try {
      for (const bits of [32, 64] as const) {
        const before = elf({ bits, segment: linuxNotes, section: linuxNotes, guest: "X=y" });
        const after = await edit(before, byName, required);
        const file = join(folder, "vmlinux");
        writeFileSync(file, after);
        expect(execFileSync("readelf", ["-hlSW", file], { stdio: "pipe" }).toString()).to.match(/NOTE/);
        const source = await read(elf({ bits, section: [...linuxNotes] }));
        expect(readelfOfXen(file).length).to.equal(source.notes.length);
        expect(asReadelf(await read(after)).map(({ desc }) => desc)).to.include(
          Buffer.from(`${text}|!exclusive_l4\0`).toString("hex"),
        );
        const changed = [...before].flatMap((byte, i) => (byte === after[i] ? [] : [i]));
        const { elf: headers } = await read(before);
        const inHeaders = (i: number) =>
          [...headers.segments, ...headers.sections].some(({ header }) => i >= header && i < header + 64);
        expect(changed.filter((i) => !inHeaders(i))).to.deep.equal([]);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const names = fc.constantFrom("exclusive_l4", "foo", "pae_pgdir_above_4gb_2");
  const anyEdit = fc
    .tuple(names, fc.constantFrom("supported", "required"), fc.boolean())
    .map(([name, state, bit]): FeatureEdit => ({
      name,
      bit: bit ? 22 + (name.length % 4) : undefined,
      way: bit ? "supported-features" : "features-string",
      state: state as FeatureEdit["state"],
    }));
  const anySpec: fc.Arbitrary<ElfSpec> = fc.record({
    bits: fc.constantFrom(32 as const, 64 as const),
    segment: fc.subarray(
      [...linuxNotes, { type: 1, desc: "x", owner: "GNU" }, { type: 10, desc: "dom0\0" }],
      {
        minLength: 1,
      },
    ),
    section: fc.constantFrom(linuxNotes, [{ type: 6, desc: "linux\0" }]),
  });

  it("gives the bytes back that were, when what was set is removed, in any order", async () => {
    const roundTrip = fc.asyncProperty(
      anySpec,
      fc.array(anyEdit, { maxLength: 4 }),
      fc.boolean(),
      async (spec, edits, packed) => {
        const before = packed ? bzImage(pack.gzip(elf(spec))) : elf(spec);
        const set = await edit(before, ...edits);
        const back = await edit(
          set,
          ...edits.toReversed().map((e): FeatureEdit => ({ ...e, state: "removed" })),
        );
        expect(Buffer.compare(back, before), JSON.stringify(edits)).to.equal(0);
        for (const { name, state } of edits.slice(-1)) {
          const { features } = await read(set);
          const bit = `bit ${edits.at(-1)!.bit}`;
          expect(state === "required" ? features.required : features.supported).to.include.oneOf([name, bit]);
        }
      },
    );
    await fc.assert(roundTrip, { numRuns: 200 });
  });

  describe("of a bzImage", () => {
    const kernel = elf();
    for (const [compression, payload] of Object.entries({ ...pack, none: (k: Buffer) => k })) {
      it(`with ${compression} appends a payload, and the setup header is consistent`, async () => {
        const before = bzImage(payload(kernel));
        before.writeUInt32LE(100, SETUP.init_size);
        const after = await edit(before, byBit);
        const setup = 2 * 512;
        expect(setup + after.readUInt32LE(SETUP.syssize) * 16, "syssize").to.equal(after.length);
        const { offset, length } = findPayload(new ImageBytes("k", after));
        expect(offset).to.be.at.least(before.length);
        expect(offset + length).to.be.below(after.length);
        expect(after.readUInt32LE(offset + length - 4), "z_output_len").to.equal(kernel.length);
        expect(after.readUInt32LE(SETUP.init_size)).to.be.at.least(after.length - setup);
        expect(crc32(after), "the CRC32 of the whole, as build.c leaves it").to.equal(0xffff_ffff);
        const header = (i: number) => i >= SETUP.syssize && i < SETUP.init_size + 4;
        expect([...before].filter((byte, i) => byte !== after[i] && !header(i))).to.deep.equal([]);
        expect(said(await read(after))[1]).to.equal("SUPPORTED_FEATURES 0x208801");
        expect(Buffer.compare(await edit(after, removed), before)).to.equal(0);
      });
    }

    it("says that the code of the image unpacks the old payload", async () => {
      const { remarks } = await setFeature(await read(bzImage(pack.gzip(kernel))), byBit);
      expect(remarks).to.deep.equal([
        "the new payload is behind the image; booted without Xen, the image unpacks the old one as before",
      ]);
    });
  });

  const twoBytes = elf({ segment: [{ type: 17, desc: "ab" }] });
  for (const [what, image, asked, message] of [
    [
      "a packed vmlinux",
      pack.gzip(elf()),
      byBit,
      /^k: offset 0x0: is a vmlinux packed with gzip, .*; unpack it, set/,
    ],
    [
      "a kernel without Xen notes",
      elf({}),
      byBit,
      /^k: offset 0x0: has no Xen notes .*; name a kernel built with/,
    ],
    [
      "a bit for __xen_guest",
      elf({ guest: "X=y" }),
      byBit,
      /__xen_guest cannot say SUPPORTED_FEATURES bit 21; name/,
    ],
    [
      "more than __xen_guest can say",
      elf({ guest: `FEATURES=${"x".repeat(120)}` }),
      byName,
      /FEATURES of __xen_guest would have 133 characters, Xen reads 127; remove/,
    ],
    ["a word of two bytes", twoBytes, byBit, /SUPPORTED_FEATURES has 2 bytes; build the kernel/],
    [
      "a record of an edit that was damaged",
      Buffer.concat([elf(), le32(0), le32(0xffff), Buffer.from("pvtwinU1")]),
      byBit,
      /the record of what was edited has wrong sizes; edit the image that it was made of/,
    ],
  ] as const) {
    it(`refuses ${what}, and says what to do`, async () => {
      const error = await rejection(() => edit(image, asked));
      expect(error.name, error.stack!).to.equal("BadInput");
      expect(error.message).to.match(message);
    });
  }
});
