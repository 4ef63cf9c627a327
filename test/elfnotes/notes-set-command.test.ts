import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { runMain } from "../cli/run-main.js";
import { bzImage, elf, pack } from "./image-builder.js";

describe("pvtwin notes set", () => {
  const folder = mkdtempSync(join(tmpdir(), "pvtwin-"));
  const file = join(folder, "vmlinuz");
  const out = join(folder, "out", "vmlinuz");
  before(() => writeFileSync(file, bzImage(pack.xz(elf()))));
  after(() => rmSync(folder, { recursive: true }));

  const set = (...args: string[]) => runMain("notes", "set", file, "--out", out, ...args);
  const features = async () => JSON.parse((await runMain("notes", out, "--json")).out).features;

  it("sets a proposal's feature as the proposal advertises it, and shows it by its name", async () => {
    const { status, out: stdout, err: stderr } = await set("--feature", "exclusive_l4");
    expect([status, stderr]).to.deep.equal([0, ""]);
    expect(stdout).to.match(
      /: exclusive_l4 supported, by SUPPORTED_FEATURES bit 21\n {2}the new payload is behind/,
    );
    expect((await features()).supported).to.include("exclusive_l4");
    expect((await features()).required).to.deep.equal(["writable_page_tables"]);
    expect(readdirSync(join(folder, "out")), "no temporary file stays").to.deep.equal(["vmlinuz"]);
  });

  it("prints one JSON document", async () => {
    expect(JSON.parse((await set("--feature", "shoes", "--required", "--json")).out)).to.deep.equal({
      file,
      out,
      feature: "shoes",
      state: "required",
      by: "FEATURES !shoes",
      changed: true,
      remarks: [
        "the new payload is behind the image; booted without Xen, the image unpacks the old one as before",
        "Xen up to master does not know !shoes, and refuses the image",
      ],
    });
    expect(await features()).to.deep.include({ required: ["writable_page_tables", "shoes"] });
  });

  it("sets a name of Xen's as a bit, where the image has bits", async () => {
    expect((await set("--feature", "hvm_callback_vector")).out).to.match(/by SUPPORTED_FEATURES bit 8\n/);
    expect((await features()).supported).to.include("hvm_callback_vector");
  });

  it("says so where the image said so already, and copies it", async () => {
    expect((await set("--feature", "dom0")).out).to.equal(
      `${out}: dom0 supported, by SUPPORTED_FEATURES bit 11: the image said so already\n`,
    );
    expect(Buffer.compare(readFileSync(out), readFileSync(file))).to.equal(0);
  });

  it("takes the way of a proposal of the user's own", async () => {
    const proposal = join(folder, "mine.yaml");
    const text = (advertised: string) =>
      `name: mine\ntitle: t\nquestion: q\nfeature: { name: mine_l4, bit: 22, advertised: ${advertised}, required: false }\n` +
      "linux: { top: shared-pgd }\nxen: { root: shared }\n";
    writeFileSync(proposal, text("features-string"));
    expect((await set("--feature", "mine_l4", "--proposal", proposal)).out).to.match(/by FEATURES mine_l4\n/);
    writeFileSync(proposal, text("vm-assist"));
    const { status, err: stderr } = await set("--feature", "mine_l4", "--proposal", proposal);
    expect(status).to.equal(2);
    expect(stderr).to.match(
      /^pvtwin: --feature mine_l4: is enabled by vm_assist [^\n]*; let the proposal [^\n]*\n$/,
    );
  });

  for (const [what, args, message] of [
    ["a name with a |", ["--feature", "a|b"], /--feature a\|b: cannot be a name in FEATURES; take letters/],
    [
      "--remove with --required",
      ["--feature", "a", "--remove", "--required"],
      /--remove: does not go with --required/,
    ],
    ["no feature", [], /required option '--feature <name>' not specified/],
    [
      "an unknown proposal",
      ["--feature", "a", "--proposal", "nope"],
      /nope: is no proposal; name a YAML file/,
    ],
  ] as const) {
    it(`refuses ${what} with one message`, async () => {
      const { status, err: stderr } = await set(...args);
      expect(status).to.equal(2);
      expect(stderr).to.match(message);
      expect(stderr.trimEnd().split("\n")).to.have.length(1);
    });
  }
});
