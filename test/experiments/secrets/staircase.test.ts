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

    it(`${name}: no directmap takes other domains' memory, own L4s then take stacks, and the domain's other vCPUs`, async () => {
      const { steps } = await stairs(name);
      expect(step(steps, /^no directmap/).removes).to.deep.equal(["other_domains"]);
      expect(step(steps, /^EPT/).removes).to.deep.equal(["ept"]);
      // what pCPU 0 boots on is in the image, until it is moved
      const stacks = step(steps, /^stacks/);
      expect(stacks.lessens).to.include.members(["other_stacks", "percpu"]);
      expect(stacks.classes.other_stacks).to.equal(8 * 4096);
      expect(step(steps, /^pCPU 0/).removes).to.deep.equal(["other_stacks", "percpu"]);
      expect(step(steps, /^vCPU state in slot 260/).removes).to.deep.equal(["other_domains_vcpus"]);
      expect(step(steps, /^vCPU state in the own L4/).removes).to.deep.equal(["other_vcpus"]);
    });

    it(`${name}: ends at a Xen that maps no secrets`, async () => {
      const { steps, left } = await stairs(name);
      expect([steps.at(-1)!.secretBytes, steps.at(-1)!.removes, left]).to.deep.equal([0, ["xenheap"], []]);
      for (const { impossible } of steps) expect(impossible).to.equal(undefined);
    });
  }

  for (const name of ["shared", "xpti"]) {
    it(`${name}: stacks stay in reach, as what pCPUs share cannot differ on one of them`, async () => {
      const { steps, left, leftBecause } = await stairs(name);
      const not = steps.filter(({ impossible }) => impossible !== undefined);
      expect(not.map((one) => one.name)).to.deep.equal([
        "stacks and per-CPU data in the own L4",
        "pCPU 0's stack and per-CPU area out of Xen's image",
        "vCPU state in the own L4",
      ]);
      expect(left).to.include.members(["other_vcpus", "other_stacks", "percpu"]);
      for (const one of left) expect(leftBecause[one]).to.match(/; needs L4s that no two pCPUs share$/);
    });

    it(`${name}: other domains' vCPUs and structures go, as slot 260 is the domain's without L4s of one's own`, async () => {
      const { steps, left } = await stairs(name);
      expect(step(steps, /^vCPU state/).removes).to.deep.equal(["other_domains_vcpus"]);
      expect(step(steps, /^struct domain/).removes).to.deep.equal(["xenheap"]);
      expect(left).to.not.include.members(["other_domains_vcpus", "xenheap"]);
    });
  }

  it("has a step for roots only where Xen makes them: it takes those of other vCPUs, and XPTI's but for the domain's", async () => {
    const roots = async (name: string) => step((await stairs(name)).steps, /^Xen's roots/);
    expect(await roots("linux-per-vcpu")).to.equal(undefined);
    expect(await roots("shared")).to.equal(undefined);
    expect((await roots("xen-vcpu-root")).removes).to.deep.equal(["pagetables"]);
    expect((await roots("xpti")).classes.pagetables).to.equal(4096); // of a domain with two vCPUs, the other's
    expect((await stairs("xpti")).leftBecause.pagetables).to.match(/^the mapcache of a domain/);
  });

  it("does not set a layout back that a proposal has already", async () => {
    const unique = loadProposal("linux-per-vcpu");
    const layout = { ...unique.xen.layout, vcpuState: "own", domainState: "domain" } as const;
    const { steps } = await staircase({ ...unique, xen: { ...unique.xen, layout } }, SHARED, OPTIONS);
    expect(steps.map(({ name }) => name).filter((name) => /state|struct/.test(name))).to.deep.equal([]);
  });

  it("is a page with a row for each step", async () => {
    const found = await stairs("xpti");
    const page = staircasePage(found, secretClasses(OPTIONS));
    expect(page)
      .to.match(/^<!doctype html>/)
      .and.contain("EPT pages mapped on demand")
      .and.contain("pCPUs share L4s")
      .and.contain('<span class="id">other_stacks</span>: what a pCPU may take an exception on');
  });
});
