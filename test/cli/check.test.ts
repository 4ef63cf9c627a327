import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { explore } from "../../checker/explore.js";
import { pvSource } from "../../experiments/check/check-proposal.js";
import { proposal } from "../machine/booted-machine.js";
import { type Ran, runMain } from "./run-main.js";

const check = (...args: string[]): Promise<Ran> => runMain("check", ...args);

const SMALL = ["--threads", "2", "--mms", "1"];

describe("pvtwin check", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "check-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it("writes a counterexample as ITF, timeline and mocha test, and names it for --replay", async () => {
    const args = ["linux-per-thread-unlazy", ...SMALL, "--mutant", "stay-lazy", "--out", folder];
    const { out: text, status } = await check(...args);
    expect(status).to.equal(1);
    const files = readdirSync(folder).filter((file) => file.includes("onePcpuPerUserL4"));
    expect(files.map((file) => file.replace(/^.*UserL4/, "")).sort()).to.deep.equal([
      ".itf.json",
      ".test.ts",
      ".timeline.json",
    ]);
    const itf = JSON.parse(
      readFileSync(
        join(
          folder,
          files.find((f) => f.endsWith(".itf.json"))!,
        ),
        "utf8",
      ),
    ) as {
      states: unknown[];
    };
    expect(itf.states.length).to.be.above(2);
    const id = /--replay (\S+)/.exec(text)![1]!;
    const replayed = await check("--replay", id);
    expect(replayed.status).to.equal(1);
    expect(text).to.contain(replayed.out.trimEnd());
  }).timeout(120_000);

  it("writes the first counterexample that it sees, and then not again where none is shorter", async () => {
    const mutant = ["linux-per-thread", "--mutant", "pair-goes-while-loaded", ...SMALL];
    const { out, status } = await check(...mutant);
    expect(status).to.equal(1);
    expect(out).to.match(
      /^First seen, after [\d,]+ states: 12 actions; whether fewer do is looked for\.\n\nnoFreedL4IsLoaded: /,
    );
    expect(out.match(/^noFreedL4IsLoaded: .*$/gm)!.slice(1)).to.deep.equal([
      "noFreedL4IsLoaded: the exploration has found none of fewer actions than the first; see above.",
    ]);
    const replayed = await check("--replay", /--replay (\S+)/.exec(out)![1]!);
    expect(replayed.status).to.equal(1);
    expect(out).to.contain(replayed.out.trimEnd());
  }).timeout(120_000);

  it("writes what a guest does to break an audit as an outline of an XTF test", async () => {
    await check("linux-per-mm-vcpu", ...SMALL, "--mutant", "linear-l4", "--out", folder);
    const file = readdirSync(folder).find((one) => one.endsWith(".xtf.c"))!;
    const text = readFileSync(join(folder, file), "utf8");
    expect(text).to.contain("void test_main(void)");
    expect(text).to.match(/hypercall_mmu_update\(\{ \.ptr = &.*\[0\] \| MMU_NORMAL_PT_UPDATE/);
    expect(text.split("\n").every((line) => !line.includes("undefined"))).to.equal(true);
  }).timeout(120_000);

  it("tells what was covered when --time is over, and leaves the end of all runs out with --no-progress", async () => {
    const names = ({ out }: Ran): string[] =>
      (JSON.parse(out) as { properties: { name: string }[] }).properties.map(({ name }) => name);
    const some = await check("linux-per-vcpu", "--slots", "2", "--ops", "2", "--time", "1", "--no-progress");
    expect(some.status).to.equal(1);
    expect(some.out).to.contain("The exploration was interrupted");
    const whole = await check("linux-per-mm-vcpu", ...SMALL, "--json", "--no-progress");
    expect([whole.status, names(whole).includes("noFaultLoop")]).to.deep.equal([0, false]);
  }).timeout(120_000);

  it("goes on from a checkpoint with --resume, to the counts of an unbroken run", async () => {
    const file = join(folder, "run.checkpoint");
    const bounds = { vcpus: 2, threads: 2, mms: 1, slots: 1, ops: 1 };
    const source = pvSource({
      proposal: proposal("linux-per-mm-vcpu"),
      bounds,
      kinds: "safety",
      without: [],
    });
    const part = await explore(source, { maxStates: 300, checkpoint: file });
    expect(part.soundness.ended).to.equal("states");
    expect(existsSync(file)).to.equal(true);
    const counts = ({ out }: Ran): unknown => {
      const { states, transitions, verdict } = JSON.parse(out) as Record<string, unknown>;
      return { states, transitions, verdict };
    };
    const resumed = await check("linux-per-mm-vcpu", ...SMALL, "--json", "--resume", file);
    const whole = await check("linux-per-mm-vcpu", ...SMALL, "--json");
    expect(counts(resumed)).to.deep.equal(counts(whole));
    expect(counts(whole)).to.deep.equal({ states: 1008, transitions: 2087, verdict: "holds" });
  }).timeout(120_000);
});
