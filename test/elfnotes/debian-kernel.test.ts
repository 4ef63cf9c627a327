import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { canAdvertise } from "../../elfnotes/can-advertise.js";
import { whyNotLoaded } from "../../elfnotes/note-check.js";
import { type KernelImage, readImage } from "../../elfnotes/read-image.js";

/** Named by PVTWIN_KERNEL, or fetched by scripts/fetch-kernel.sh. */
function kernel(): string | undefined {
  if (process.env.PVTWIN_KERNEL) return process.env.PVTWIN_KERNEL;
  try {
    const found = readdirSync("out/kernel").find((name) => name.startsWith("vmlinuz-"));
    return found === undefined ? undefined : join("out/kernel", found);
  } catch {
    return undefined;
  }
}

interface ReadelfNote {
  owner: string;
  size: number;
  /** As hexadecimal bytes; empty where readelf says more of a note than its bytes. */
  desc: string;
}

/** The notes that readelf (binutils) lists, in its order. */
function readelf(vmlinux: string): ReadelfNote[] {
  const text = execFileSync("readelf", ["--notes", "--wide", vmlinux], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
  const notes: ReadelfNote[] = [];
  for (const line of text.split("\n")) {
    const head = /^ {2}(\S+) +0x([0-9a-f]{8})\t/.exec(line);
    if (head !== null) notes.push({ owner: head[1]!, size: parseInt(head[2]!, 16), desc: "" });
    const data = /description data: ([0-9a-f ]+)$/.exec(line);
    if (data !== null) notes.at(-1)!.desc = data[1]!.replaceAll(" ", "");
  }
  return notes;
}

describe("a kernel image of Debian's", () => {
  let scratch: string;
  let image: KernelImage;
  let vmlinux: string;

  before("scripts/fetch-kernel.sh fetches one; without it these are skipped", async function () {
    const file = kernel();
    if (file === undefined) return this.skip();
    image = await readImage(file);
    scratch = mkdtempSync(join(tmpdir(), "pvtwin-"));
    vmlinux = join(scratch, "vmlinux");
    writeFileSync(vmlinux, image.elf.bytes.data);
  });

  after(() => {
    if (scratch !== undefined) rmSync(scratch, { recursive: true });
  });

  it("is a bzImage, whose kernel readelf finds sound", () => {
    expect(image.format).to.equal("bzImage");
    expect(image.compression).to.be.oneOf(["xz", "zstd"]);
    const said = execFileSync("readelf", ["-hlSW", vmlinux], { stdio: ["ignore", "pipe", "pipe"] });
    expect(said.toString()).to.match(/ELF64[^]*X86-64[^]*\.notes/);
  });

  it("has the notes that readelf lists, byte for byte", () => {
    const ours = image.notes.map(({ raw }) => ({
      owner: "Xen",
      size: raw!.desc.length,
      desc: Buffer.from(raw!.desc).toString("hex"),
    }));
    expect(ours.length).to.be.at.least(10);
    expect(ours).to.deep.equal(readelf(vmlinux).filter(({ owner }) => owner === "Xen"));
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
});
