/** What the rig needs of a machine, and says where it is not there. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { BadInput } from "../../abi/bad-input.js";
import { findIngredients } from "../../witness/packages.js";

const ROOT = join(__dirname, "../..");

describe("witness: what it needs", () => {
  const path = process.env.PATH;
  const here = { kernel: __filename, xen: __filename };
  afterEach(() => (process.env.PATH = path));

  it("names the package of a program that is not there", () => {
    process.env.PATH = "";
    expect(() => findIngredients(here)).to.throw(
      BadInput,
      "witness: finds no qemu-system-x86_64; install qemu-system-x86, or name yours",
    );
  });

  it("names the option of an image that cannot be read", () => {
    expect(() => findIngredients({ ...here, kernel: "none" })).to.throw(
      BadInput,
      "--kernel: none: cannot be read (ENOENT); name an image that is there",
    );
  });

  for (const [script, what] of [
    ["witness-kernel.sh", "no Linux tree"],
    ["witness-xen.sh", "no Xen tree"],
  ] as const) {
    it(`scripts/${script} refuses a folder that is ${what}, and makes nothing`, function () {
      const folder = mkdtempSync(join(tmpdir(), "witness-"));
      try {
        const out = join(folder, "out");
        const run = spawnSync(join(ROOT, "scripts", script), ["linux-per-vcpu", folder, out], {
          encoding: "utf8",
        });
        if (/: no \w+; install/.test(run.stderr)) this.skip(); // a build tool is not there: said, too
        expect([run.status, run.stderr]).to.deep.equal([
          2,
          `${script.replace(".sh", "")}: ${folder} is ${what}; name one, such as ${
            what === "no Xen tree" ? "Debian's source of xen unpacked" : "linux-source-6.1 unpacked"
          }\n`,
        ]);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    it(`scripts/${script} names the package of a program that is not there`, () => {
      const folder = mkdtempSync(join(tmpdir(), "witness-"));
      try {
        for (const program of ["dirname", "realpath"])
          symlinkSync(`/usr/bin/${program}`, join(folder, program));
        const run = spawnSync("/bin/bash", [join(ROOT, "scripts", script), "linux-per-vcpu", ROOT, folder], {
          encoding: "utf8",
          env: { PATH: folder },
        });
        expect([run.status, run.stderr]).to.deep.equal([
          2,
          `${script.replace(".sh", "")}: no make; install make\n`,
        ]);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});

describe("npm run witness", () => {
  const run = (...args: string[]): ReturnType<typeof spawnSync> =>
    spawnSync("npm", ["run", "-s", "witness", "--", ...args], { cwd: ROOT, encoding: "utf8" });

  it("has an example of each kind of script in its --help", function () {
    this.timeout(60_000);
    const { stdout, status } = run("--help");
    expect(status).to.equal(0);
    expect(stdout)
      .to.include("npm run witness -- --only fork_cow")
      .and.include("npm run witness -- --replay");
  });

  it("refuses hypercall scripts that are none, with file and line", function () {
    this.timeout(60_000);
    const { stderr, status } = run("--replay", "package.json");
    expect([status, stderr]).to.deep.equal([
      2,
      "witness: package.json: line 1: is not JSON; one script a line is needed\n",
    ]);
  });
});
