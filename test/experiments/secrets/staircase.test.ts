import { expect } from "chai";
import { loadProposal } from "../../../experiments/evaluate.js";
import { DEFAULT_HOST } from "../../../experiments/secrets/host-spec.js";
import { type StairStep, staircase } from "../../../experiments/secrets/staircase.js";
import { staircasePage } from "../../../cli/report/staircase-page.js";
import { secretClasses } from "../../../experiments/secrets/secrets.js";

const OPTIONS = { host: DEFAULT_HOST, speculation: { meltdown: false, l1tf: false }, eptPublic: false };
const SHARED = loadProposal("shared");
const stairs = (name: string) => staircase(loadProposal(name), SHARED, OPTIONS);
const step = (steps: readonly StairStep[], name: RegExp): StairStep => steps.find((s) => name.test(s.name))!;

describe("the staircase from today to a secret-free Xen", () => {
  for (const name of ["xen-vcpu-root", "linux-per-vcpu", "linux-per-mm-vcpu"]) {
    it(`${name}: that no two pCPUs share an L4 takes no class of secrets out of reach by itself`, async () => {
      const { steps } = await stairs(name);
      expect(steps[1]!.name).to.match(/^no two pCPUs share an L4/);
      expect([steps[1]!.removes, steps[1]!.lessens]).to.deep.equal([[], []]);
    });

    it(`${name}: no directmap takes other domains' memory, own L4s then take stacks, and vCPUs' state`, async () => {
      const { steps, left, leftBecause } = await stairs(name);
      expect(step(steps, /^no directmap/).removes).to.deep.equal(["other_domains"]);
      expect(step(steps, /^EPT/).removes).to.deep.equal(["ept"]);
      expect(step(steps, /^stacks/).removes).to.deep.equal(["other_stacks"]);
      expect(step(steps, /^vCPU state/).removes).to.deep.equal(["other_domains_vcpus", "other_vcpus"]);
      // pCPU 0's per-CPU area is in the image, and the Xen heap is mapped for all
      expect(left).to.include.members(["percpu", "xenheap"]).and.not.include("other_domains");
      expect(leftBecause.percpu).to.match(/^that of pCPU 0 lies in Xen's image/);
    });
  }

  for (const name of ["shared", "xpti"]) {
    it(`${name}: stacks stay in reach, as what pCPUs share cannot differ on one of them`, async () => {
      const { steps, left, leftBecause } = await stairs(name);
      expect(steps.at(-1)!.impossible).to.be.a("string");
      expect(left).to.include.members(["other_stacks", "other_vcpus", "other_domains_vcpus"]);
      expect(leftBecause.other_stacks).to.equal("needs L4s that no two pCPUs share");
    });
  }

  it("is a page with a row for each step", async () => {
    const found = await stairs("xpti");
    const page = staircasePage(found, secretClasses(OPTIONS));
    expect(page)
      .to.match(/^<!doctype html>/)
      .and.contain("EPT pages mapped on demand")
      .and.contain("pCPUs share L4s");
  });
});
