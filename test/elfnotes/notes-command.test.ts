import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { runPlain } from "../../cli/notes.js";
import { type Ran, refusal, runMain } from "../cli/run-main.js";
import { bzImage, elf, type ElfSpec, linuxNotes, pack } from "./image-builder.js";

const notes = (...args: string[]): Promise<Ran> => runMain("notes", ...args);

describe("pvtwin notes", () => {
  const folder = mkdtempSync(join(tmpdir(), "pvtwin-"));
  const file = join(folder, "vmlinuz");
  const image = (spec: ElfSpec) => writeFileSync(file, bzImage(pack.gzip(elf(spec))));
  after(() => rmSync(folder, { recursive: true }));

  it("prints one JSON document", async () => {
    image({ segment: [...linuxNotes.slice(0, 1), ...linuxNotes.slice(3, 4)] });
    expect(JSON.parse((await notes(file, "--json")).out)).to.deep.equal({
      file,
      format: "bzImage",
      compression: "gzip",
      bits: 64,
      machine: "x86-64",
      source: "PT_NOTE",
      notes: [
        { type: 6, name: "GUEST_OS", value: "linux", offset: 0x78, desc: "6c696e757800" },
        {
          type: 10,
          name: "FEATURES",
          value: "!writable_page_tables|pae_pgdir_above_4gb",
          offset: 0x90,
          desc: Buffer.from("!writable_page_tables|pae_pgdir_above_4gb\0").toString("hex"),
        },
      ],
      features: {
        supported: ["writable_page_tables", "pae_pgdir_above_4gb"],
        required: ["writable_page_tables"],
        unknown: [],
      },
      loads: {
        pv: { loads: false, reason: "its XEN_VERSION does not begin with xen-3.0" },
        pvDom0: { loads: false, reason: "its XEN_VERSION does not begin with xen-3.0" },
        pvh: { loads: false, reason: "its XEN_VERSION does not begin with xen-3.0" },
      },
    });
  });

  it("prints a table, with what Xen 4.17 does with names that it does not know", async () => {
    image({
      segment: [
        { type: 10, desc: "!exclusive_l4|dom0\0" },
        { type: 99, desc: "\x01" },
      ],
    });
    expect((await notes(file)).out).to.equal(
      [
        `${file}: bzImage, gzip, 64-bit x86-64`,
        "",
        "type  name      value (from PT_NOTE)",
        "  10  FEATURES  !exclusive_l4|dom0",
        "  99  unknown   01  (unknown number: ignored)",
        "",
        "supported: dom0 exclusive_l4",
        "required:  exclusive_l4",
        "exclusive_l4 (FEATURES): Xen 4.17 refuses the image: a required name that it does not know",
        "",
        ...["PV guest", "PV dom0", "PVH guest"].map(
          (kind) =>
            `Xen 4.17 as ${kind}: does not load: it requires exclusive_l4, which Xen 4.17 does not know`,
        ),
        "",
      ].join("\n"),
    );
  });

  it("says the same where its arguments are so plain that they are not parsed", async () => {
    image({ segment: linuxNotes });
    expect(await notes(file)).to.deep.equal(await notes("--", file));
    expect(await notes(file, "--json")).to.deep.equal(await notes("--json", file));
    const others = [
      [],
      ["set"],
      ["help"],
      ["-"],
      ["--json", file],
      [file, "--jso"],
      [file, "--json", "more"],
    ];
    for (const args of others) expect(runPlain(args), args.join(" ")).to.be.undefined;
  });

  it("reads standard input where the file is -", () => {
    const { status, stdout } = spawnSync(process.execPath, ["bin/pvtwin.js", "notes", "-", "--json"], {
      input: bzImage(pack.gzip(elf())),
      encoding: "utf8",
    });
    expect(status).to.equal(0);
    expect(JSON.parse(stdout)).to.deep.include({ file: "standard input", format: "bzImage" });
  });

  it("says so of an image without Xen notes", async () => {
    image({});
    expect((await notes(file)).out).to.match(/\nno Xen notes\n[^]*supported: -\nrequired: {2}-\n/);
  });

  it("sends a terminal nothing that could command it", async () => {
    image({ segment: [{ type: 7, desc: "\x1b[2J\x9b\0" }] });
    expect((await notes(file)).out).to.match(/GUEST_VERSION {2}\?\[2J\?\n/);
  });

  it("prints nothing of an image that it refuses", async () => {
    writeFileSync(file, "not a kernel");
    expect(await refusal("notes", file)).to.equal(
      `${file}: offset 0x0: is neither ELF nor bzImage; name a vmlinux, a compressed vmlinux or a bzImage`,
    );
  });
});
