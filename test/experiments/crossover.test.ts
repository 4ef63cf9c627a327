import { expect } from "chai";
import { readProfile } from "../../experiments/costs/profile.js";
import { bisect, findCrossover } from "../../experiments/crossover.js";
import { loadProposal } from "../../experiments/evaluate.js";
import type { RatedWork } from "../../experiments/synthetic/rates.js";
import { runMain } from "../cli/run-main.js";

const WORK: RatedWork = {
  threads: 8,
  vcpus: 2,
  sameMmSwitches: 0,
  otherMmSwitches: 100,
  syscalls: 100,
  slotChurn: 0,
  forks: 0,
  idle: 0,
  placement: "spread",
};

const find = (a: string, b: string, over: "sameMmSwitches" | "syscalls", high: number) =>
  findCrossover({
    a: loadProposal(a),
    b: loadProposal(b),
    over,
    low: 0,
    high,
    work: WORK,
    profile: readProfile("skylake-pcid"),
    seed: 0,
  });

describe("a crossover", () => {
  it("is found where a function changes its sign, to within the precision", () => {
    for (const zero of [0.1, 3, 7.77, 9.99]) {
      expect(bisect(0, 10, (x) => x - zero, 0.001)).to.be.closeTo(zero, 0.001);
      expect(bisect(0, 10, (x) => zero - x, 0.001)).to.be.closeTo(zero, 0.001);
    }
  });

  it("lies where copies at each switch of mode have grown to the loads that a pair per thread makes", () => {
    // at a fixed rate of thread switches: Xen's root per vCPU pays at each system call, a pair per thread does not
    const { at, from, to, points } = findCrossover({
      a: loadProposal("xen-vcpu-root"),
      b: loadProposal("linux-per-thread-unlazy"),
      over: "syscalls",
      low: 0,
      high: 20_000,
      work: { ...WORK, sameMmSwitches: 1000 },
      profile: readProfile("skylake-pcid"),
      seed: 0,
    });
    expect(at).to.be.within(from!, to!);
    const cheaper = points.map(({ probabilityCheaper }) => probabilityCheaper);
    expect([cheaper[0], cheaper.at(-1)]).to.deep.equal([1, 0]);
  }).timeout(30_000);

  it("is none where one is cheaper all the way", () => {
    const { at, points } = find("shared", "xpti", "syscalls", 1000);
    expect(at).to.equal(null);
    for (const { likely } of points) expect(likely).to.be.below(0);
  }).timeout(30_000);

  it("is not looked for over what is no parameter, with exit status 2", async () => {
    const { status, err: stderr } = await runMain(
      "crossover",
      "shared",
      "xpti",
      "--over",
      "nonsense",
      "--to",
      "5",
    );
    expect(status).to.equal(2);
    expect(stderr).to.include("--over: nonsense: is no parameter");
  });
});
