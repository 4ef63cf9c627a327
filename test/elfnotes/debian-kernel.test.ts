import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { crc32 } from "node:zlib";
import { expect } from "chai";
import { canAdvertise } from "../../elfnotes/can-advertise.js";
import { SHT_NOTE } from "../../elfnotes/elf.js";
import { whyNotLoaded } from "../../elfnotes/note-check.js";
import { decodeImage, type KernelImage, readImage } from "../../elfnotes/read-image.js";
import type { FeatureEdit } from "../../elfnotes/write/feature-edit.js";
import { setFeature } from "../../elfnotes/write/set-feature.js";
import { kernels } from "./kernels.js";
import { asReadelf, readelfOfXen } from "./readelf.js";

const SHT_NOBITS = 8;

const found = kernels();
if (found.length === 0) {
  it.skip("a kernel image of Debian's: none is there, scripts/fetch-kernel.sh fetches some", () => {});
}

for (const file of found) {
  describe(`Debian's ${basename(file)}`, () => {
    let scratch: string;
    let image: KernelImage;
    let vmlinux: string;

    before(async () => {
      image = await readImage(file);
      scratch = mkdtempSync(join(tmpdir(), "pvtwin-"));
      vmlinux = join(scratch, "vmlinux");
      writeFileSync(vmlinux, image.elf.bytes.data);
    });

    after(() => rmSync(scratch, { recursive: true }));

    it("is a bzImage, whose kernel readelf finds sound", () => {
      expect(image.format).to.equal("bzImage");
      expect(image.compression).to.not.equal("none");
      const said = execFileSync("readelf", ["-hlSW", vmlinux], { stdio: ["ignore", "pipe", "pipe"] });
      expect(said.toString()).to.match(/ELF64[^]*X86-64[^]*\.notes/);
    });

    it("has the notes that readelf lists, byte for byte", () => {
      const ours = asReadelf(image);
      expect(ours.length).to.be.at.least(10);
      expect(ours).to.deep.equal(readelfOfXen(vmlinux));
    });

    it("has the notes of xen-head.S", () => {
      const values = Object.fromEntries(image.notes.map(({ name, value }) => [name, value]));
      expect(values).to.include({
        GUEST_OS: "linux",
        XEN_VERSION: "xen-3.0",
        VIRT_BASE: "0xffffffff80000000",
        INIT_P2M: "0x8000000000",
        LOADER: "generic",
        L1_MFN_VALID: "0x1 0x1",
        HV_START_LOW: "0xffff800000000000",
      });
      expect(image.features.required).to.deep.equal(["writable_page_tables"]);
      expect(image.features.supported).to.include.members(["writable_page_tables", "dom0"]);
      expect(image.features.unknown).to.deep.equal([]);
    });

    it("loads as PV guest, PV dom0 and PVH guest", () => {
      expect((["pv", "pv dom0", "pvh"] as const).map((kind) => whyNotLoaded(image, kind))).to.deep.equal([
        undefined,
        undefined,
        undefined,
      ]);
    });

    it("does not negotiate the first free feature bit", () => {
      const flag = {
        name: "exclusive_l4",
        bit: 21,
        advertised: "supported-features",
        required: false,
      } as const;
      const { negotiates, reason } = canAdvertise(image, flag);
      expect(negotiates).to.be.false;
      expect(reason).to.match(/^SUPPORTED_FEATURES is 0x[0-9a-f]+, without bit 21 \(exclusive_l4\)$/);
    });

    it("takes a feature, keeps all else, and gives its bytes back", async () => {
      const edit: FeatureEdit = { name: "exclusive_l4", bit: 21, way: "features-string", state: "supported" };
      const set = (await setFeature(image, edit)).data;
      const read = await decodeImage(set, "k");
      writeFileSync(vmlinux, read.elf.bytes.data);
      const text = Buffer.from("!writable_page_tables|pae_pgdir_above_4gb|exclusive_l4\0").toString("hex");
      const expected = asReadelf(image).map((note, i) =>
        image.notes[i]!.name === "FEATURES" ? { ...note, size: text.length / 2, desc: text } : note,
      );
      expect(asReadelf(read)).to.deep.equal(expected);
      expect(readelfOfXen(vmlinux)).to.deep.equal(expected);
      const sections = (of: KernelImage) =>
        of.elf.sections
          .filter(({ type }) => type !== SHT_NOTE && type !== SHT_NOBITS)
          .map(({ offset, size }) => crc32(of.elf.bytes.slice(offset, size, "a section")));
      expect(sections(read)).to.deep.equal(sections(image));
      expect(crc32(set)).to.equal(0xffff_ffff);
      const back = (await setFeature(read, { ...edit, state: "removed" })).data;
      expect(Buffer.compare(back, image.bytes.data)).to.equal(0);
    }).timeout(60_000);
  });
}
