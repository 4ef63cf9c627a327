import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { expect } from "chai";
import type { Evaluation } from "../../experiments/results.js";
import { ROOT } from "../pvtwin.js";
import { runMainIn } from "./run-main.js";

const ODD = join(ROOT, "test", "data", "traces", "odd_names.perf.txt.gz");

describe("pvtwin rerun", () => {
  let dir: string;
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), "pvtwin-rerun-"));
    copyFileSync(ODD, join(dir, "odd.perf.txt.gz"));
    const profile = readFileSync(join(ROOT, "experiments", "profiles", "amd-zen.yaml"), "utf8");
    writeFileSync(join(dir, "mine.yaml"), profile.replace("name: amd-zen", "name: mine"));
    writeFileSync(
      join(dir, "idea.yaml"),
      "name: idea\ntitle: t\nquestion: q\nlinux: { top: shared-pgd }\nxen: { root: xpti }\n",
    );
    const args = [
      "evaluate",
      "idea.yaml",
      "linux-per-vcpu",
      "--workload",
      "odd.perf.txt.gz",
      "--profile",
      "mine.yaml",
    ];
    const { status } = await runMainIn(dir, ...args, "--seed", "7", "--out", "out");
    expect(status).to.equal(0);
  });
  after(() => rmSync(dir, { recursive: true }));

  it("makes the same results, byte for byte but for the host's, when proposals and profile are gone", async () => {
    rmSync(join(dir, "idea.yaml"));
    rmSync(join(dir, "mine.yaml"));
    const { status, out: stdout } = await runMainIn(dir, "rerun", "out/results.json", "--out", "again");
    expect(stdout).to.include("the same, byte for byte, apart from host").and.include("seed 7");
    expect(status).to.equal(0);
    const bytes = (out: string) => {
      const text = readFileSync(join(dir, out, "results.json"), "utf8");
      return text.slice(0, text.lastIndexOf('\n "host": {'));
    };
    expect(bytes("again")).to.equal(bytes("out")).and.to.have.length.above(10_000);
  }).timeout(30_000);

  it("says that results differ, with exit status 1", async () => {
    const evaluation = JSON.parse(readFileSync(join(dir, "out", "results.json"), "utf8")) as Evaluation;
    const changed = { ...evaluation, notModelled: [] };
    writeFileSync(join(dir, "changed.json"), JSON.stringify(changed));
    const { status, out: stdout } = await runMainIn(dir, "rerun", "changed.json");
    expect([status, stdout.includes("NOT the same")]).to.deep.equal([1, true]);
  }).timeout(30_000);

  it("finds a recording that comes along from any folder, however it was named, beside another of its name", async () => {
    const named = relative(dir, join(ROOT, "recordings", "node_workers.perf.txt.gz"));
    const args = ["evaluate", "shared", "--workload", named, "--out", "bundled"];
    expect((await runMainIn(dir, ...args)).status).to.equal(0);
    const elsewhere = join(dir, "a", "b");
    mkdirSync(join(elsewhere, "recordings"), { recursive: true });
    copyFileSync(ODD, join(elsewhere, "recordings", "node_workers.perf.txt.gz"));
    const { status, out, err } = await runMainIn(
      elsewhere,
      "rerun",
      join("..", "..", "bundled", "results.json"),
    );
    expect(err).to.equal("");
    expect(out).to.include("the same, byte for byte");
    expect(status).to.equal(0);
  }).timeout(60_000);

  it("refuses a recording that is another now, results without inputs, and what is no JSON", async () => {
    const text = readFileSync(join(dir, "out", "results.json"), "utf8");
    const other = text.replace(/"sha256": "[0-9a-f]{8}/, '"sha256": "00000000');
    for (const [content, says] of [
      [other, "odd.perf.txt.gz: is not the file that the results were made from"],
      ['{"format":1,"seed":0}', "inputs"],
      ["nonsense", "is not JSON"],
    ] as const) {
      writeFileSync(join(dir, "damaged.json"), content);
      const { status, err: stderr } = await runMainIn(dir, "rerun", "damaged.json");
      expect(status).to.equal(2);
      expect(stderr)
        .to.match(/^pvtwin: [^\n]+\n$/)
        .and.include(says);
    }
  }).timeout(30_000);
});
