import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { runMain } from "../../cli/run-main.js";
import { bzImage, elf, pack } from "../image-builder.js";

describe("pvtwin compat", () => {
  const folder = mkdtempSync(join(tmpdir(), "pvtwin-"));
  after(() => rmSync(folder, { recursive: true }));

  it("prints one JSON document with all rows", async () => {
    const { status, out: stdout } = await runMain("compat", "--json");
    expect(status).to.equal(0);
    const { proposal, feature, rows } = JSON.parse(stdout);
    expect([proposal, feature.name]).to.deep.equal(["linux-per-thread", "exclusive_l4"]);
    expect(rows).to.have.length(128 + 48);
    for (const row of rows) expect(row).to.include.keys("guest", "xen", "flag", "outcome", "reason");
  });

  it("prints the matrix, and each check once", async () => {
    const { status, out: stdout } = await runMain("compat");
    expect(status).to.equal(0);
    expect(stdout).to.match(
      /^linux-per-thread: flag exclusive_l4, XENFEAT bit 21, advertised by supported-features/,
    );
    expect(stdout).to.match(/\nold +supported +domU +none +unprotected \[\d+\] +unprotected/);
    expect(stdout).to.match(
      /\nnew +supported +domU +shim .* in shim \[\d+\] +in shim \[\d+\] +audited \[\d+\]\n/,
    );
    expect(stdout).to.match(/\n\[\d+\] boots audited: c\d+( c\d+)+\n/);
    const checks = stdout.split("\n").filter((line) => /^c\d+ /.test(line));
    expect(new Set(checks.map((line) => line.replace(/^c\d+ /, ""))).size).to.equal(checks.length);
    for (const line of checks) expect(line).to.match(/^c\d+ \w+\(\) .* \((xen|tools)\/[\w/-]+\.c\)$/);
  });

  it("takes guests from images, and names each in its rows", async () => {
    const files = ["a", "b"].map((name) => join(folder, name));
    for (const file of files) writeFileSync(file, bzImage(pack.gzip(elf())));
    const { rows } = JSON.parse((await runMain("compat", "--json", "--kernel", ...files)).out);
    const boots = rows.filter(({ kind }: { kind: string }) => kind === "boot");
    expect(boots).to.have.length(2 * 4 * 4 * 2);
    expect(new Set(boots.map(({ guest }: { guest: string }) => guest))).to.deep.equal(new Set(["a", "b"]));
  });

  for (const [args, message] of [
    [["--proposal", "nope"], /^pvtwin: nope: is no proposal; /],
    [["--kernel", "/nonexistent/k"], /^pvtwin: \/nonexistent\/k: cannot be read \(ENOENT\); /],
  ] as const) {
    it(`refuses ${args.join(" ")} with one message`, async () => {
      const { status, err: stderr } = await runMain("compat", ...args);
      expect(status).to.equal(2);
      expect(stderr).to.match(message);
      expect(stderr.trimEnd().split("\n")).to.have.length(1);
    });
  }
});
