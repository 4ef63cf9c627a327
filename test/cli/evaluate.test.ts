import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Evaluation, SameWork } from "../../experiments/results.js";
import { ROOT } from "../pvtwin.js";
import { runMain } from "./run-main.js";
import { givesTheSameBytes, ODD, SHORT_STORM, STORM } from "./same-bytes.js";

describe("pvtwin evaluate", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "pvtwin-evaluate-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  /** All proposals on one recording, judged once for all that is said of them. */
  let storm: { status: number; evaluation: Evaluation };
  before(async () => {
    const { status, out } = await runMain("evaluate", "--json", "--workload", STORM, "--workers", "1");
    storm = { status, evaluation: JSON.parse(out) as Evaluation };
  });
  const ofStorm = (name: string) => storm.evaluation.proposals.find((proposal) => proposal.name === name)!;

  it("gives the same bytes twice, and on one worker or two, apart from the host's field", () =>
    givesTheSameBytes(dir, ["linux-per-vcpu"], [SHORT_STORM, ODD])).timeout(120_000);

  it("judges every proposal, and says why", () => {
    expect(storm.status).to.equal(0);
    const { proposals } = storm.evaluation;
    expect(proposals.map(({ name, verdict }) => [name, verdict])).to.deep.equal([
      ["shared", "breaks"],
      ["xpti-copy-always", "guest-mode-only"],
      ["xpti", "guest-mode-only"],
      ["xen-vcpu-root", "keeps"],
      ["linux-per-thread", "breaks"],
      ["linux-per-thread-eager", "breaks"],
      ["linux-per-thread-unlazy", "keeps"],
      ["linux-per-mm-vcpu", "keeps"],
      ["linux-per-vcpu", "keeps"],
      ["linux-per-vcpu-local-flush", "keeps"],
      ["shim", "keeps"],
      ["control-idle", "guest-mode-only"],
      ["control-pv32", "keeps"],
      ["control-pvh", "keeps"],
    ]);
    expect(proposals.filter(({ kind }) => kind === "control").map(({ name }) => name)).to.deep.equal([
      "control-idle",
      "control-pv32",
      "control-pvh",
    ]);
    const property = (name: string, what: string) => ofStorm(name).properties.find((p) => p.name === what)!;
    expect(property("shim", "shim_exclusive_in_guest").holds).to.equal(true); // its own XPTI
    expect(property("shim", "shim_exclusive_in_xen").holds).to.equal(false);
    expect(property("control-pvh", "guest_cr3_exclusive").holds).to.equal(false);
    expect(property("control-pv32", "guest_l3_exclusive").holds).to.equal(false);
    for (const { properties } of proposals) {
      expect(properties.find(({ name }) => name === "threads_run_together")!.holds).to.equal(true);
    }
  }).timeout(60_000);

  it("finds that XPTI's cost lies in CR3 loads and flushes more than in the copy", () => {
    const { groups } = ofStorm("xpti").cost[0]!;
    const more = (group: string) => groups.find((g) => g.group === group)!.versusCycles;
    expect(more("CR3 load") + more("flush")).to.be.above(more("root copy"));
    expect(more("hypercall")).to.equal(0);
  }).timeout(60_000);

  it("finds that a table pair per thread is paid for at switches within a process", () => {
    const [shared, perThread] = ["shared", "linux-per-thread"].map((name) => ofStorm(name).cost[0]!.counts);
    const loads = (perThread!.new_baseptr ?? 0) - (shared!.new_baseptr ?? 0);
    expect(perThread!.top_load_same_mm).to.be.above(0.6 * loads);
    expect(shared!.top_load_same_mm ?? 0).to.equal(0);
  }).timeout(60_000);

  it("answers whether it is the same work, in a table and words, or in one document", async () => {
    const ask = ["evaluate", "--question", "same-work", "--workload", SHORT_STORM, "--workers", "1"];
    const { status, out: stdout } = await runMain(...ask, "--json");
    expect(status).to.equal(0);
    const { question, claim, answer, workloads } = JSON.parse(stdout) as SameWork & { question: string };
    expect([question, answer]).to.deep.equal(["same-work", "It is not the same work, on any recording."]);
    const row = (name: string) => workloads[0]!.rows.find(({ proposal }) => proposal === name)!;
    expect(row("xen-vcpu-root")).to.include({ option: 2, flushes: 0, ipis: 0 });
    expect(row("xen-vcpu-root").entriesWritten).to.equal(row("xen-vcpu-root").syncOperations * 497);
    expect(row("linux-per-vcpu").entriesWritten).to.be.below(row("linux-per-thread").entriesWritten);
    const two = ["linux-per-vcpu", "xen-vcpu-root", "--workload", ODD, "--question", "same-work"];
    const text = (await runMain("evaluate", ...two)).out;
    expect(text).to.include(claim);
    expect(text)
      .to.match(/^linux-per-vcpu +1 Linux /m)
      .and.match(/^xen-vcpu-root +2 Xen /m);
  }).timeout(120_000);

  it("refuses that question where one side alone is named", async () => {
    const args = ["evaluate", "xpti", "--question", "same-work", "--workload", ODD];
    const { status, err: stderr } = await runMain(...args);
    expect(status).to.equal(2);
    expect(stderr).to.match(/^pvtwin: [^\n]*needs a proposal in Linux and one in Xen; [^\n]+\n$/);
  }).timeout(60_000);

  it("refuses more vCPUs than a shim has, naming the recording and the remedy", async () => {
    const wide = join(dir, "wide.perf.txt");
    const narrow = readFileSync(
      join(ROOT, "test", "data", "traces", "damaged", "good_base.perf.txt"),
      "utf8",
    );
    writeFileSync(wide, narrow.replace(/\[001\]/g, "[032]"));
    const { status, err: stderr } = await runMain("evaluate", "shim", "--workload", wide);
    expect(status).to.equal(2);
    expect(stderr).to.match(
      /^pvtwin: [^\n]*wide\.perf\.txt: was recorded on 33 CPUs, and a guest in xen-shim has at most 32/,
    );
    expect(stderr.split("\n")).to.have.length(2);
  }).timeout(60_000);

  for (const [what, args, place] of [
    ["a proposal that is none", ["nonsense"], "nonsense"],
    ["a recording that is not there", ["--workload", "nowhere.txt"], "nowhere.txt"],
    ["a profile that is none", ["--profile", "nonsense"], "nonsense"],
    ["a kernel image that is none", ["--kernel", join(ROOT, "package.json")], "package.json"],
  ] as const) {
    it(`refuses ${what} in one line, with exit status 2 and nothing written`, async () => {
      const out = join(dir, "out");
      const { status, err: stderr } = await runMain("evaluate", "--out", out, "--workload", ODD, ...args);
      expect(status).to.equal(2);
      expect(stderr)
        .to.match(/^pvtwin: [^\n]+\n$/)
        .and.include(place);
      expect(existsSync(out)).to.equal(false);
    }).timeout(20_000);
  }

  it("names the key of a proposal that is not as the schema says, and the remedy", async () => {
    const file = join(dir, "mine.yaml");
    writeFileSync(
      file,
      "name: mine\ntitle: t\nquestion: q\nlinux: { top: Per Fork }\nxen: { root: shared }\n",
    );
    const { status, err: stderr } = await runMain("evaluate", file, "--workload", ODD);
    expect(status).to.equal(2);
    expect(stderr).to.include("mine.yaml: linux.top: ").and.include("see abi/proposal.ts");
  });

  it("takes a proposal from a user's own file", async () => {
    const file = join(dir, "mine.yaml");
    writeFileSync(
      file,
      "name: mine\ntitle: t\nquestion: q\nlinux: { top: shared-pgd }\nxen: { root: xpti }\n",
    );
    const { status, out: stdout } = await runMain("evaluate", file, "--workload", ODD, "--json");
    expect(status).to.equal(0);
    expect((JSON.parse(stdout) as Evaluation).proposals.map(({ name }) => name)).to.deep.equal([
      "shared",
      "mine",
    ]);
  }).timeout(20_000);

  it("leaves no temporary file beside its results", async () => {
    await runMain("evaluate", "shared", "--workload", ODD, "--out", dir);
    expect(readdirSync(dir).sort()).to.deep.equal(["report.html", "results.json"]);
  }).timeout(20_000);

  it("says that XPTI's cost is a lower bound where a recording has no raw system calls", async () => {
    const { out: stdout } = await runMain("evaluate", "xpti", "--workload", SHORT_STORM);
    expect(stdout).to.include("thread_storm_b.xenpv (>=)");
    expect(stdout).to.include("recorded without raw_syscalls:sys_enter");
  }).timeout(20_000);
});
