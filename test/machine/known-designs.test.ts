import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { BadInput } from "../../abi/bad-input.js";
import { defineProposal } from "../../abi/proposal.js";
import { loadProposals } from "../../experiments/evaluate.js";
import { registerTopLevelDesign } from "../../linux-mm-model/top-level/design.js";
import { PerVcpu } from "../../linux-mm-model/top-level/per-vcpu.js";
import { SharedPgd } from "../../linux-mm-model/top-level/shared-pgd.js";
import { smallGeometry } from "../../machine/geometry.js";
import { checkDesigns, isOfThisThread } from "../../machine/known-designs.js";
import { Machine } from "../../machine/machine.js";
import { registerRootDesign } from "../../xen-model/root/root-design.js";
import { SharedRoot } from "../../xen-model/root/shared.js";
import { pvtwin } from "../pvtwin.js";

const idea = (top: string, root: string) =>
  defineProposal({ name: "mine", title: "t", question: "q", linux: { top }, xen: { root } });

describe("a proposal names designs that are in the registries, or were registered", () => {
  let dir: string;
  before(() => (dir = mkdtempSync(join(tmpdir(), "pvtwin-designs-"))));
  after(() => rmSync(dir, { recursive: true, force: true }));

  for (const [top, root, key] of [
    ["gang", "shared", "linux.top"],
    ["per-vcpu", "gang", "xen.root"],
    ["constructor", "shared", "linux.top"], // no property of an object is taken for a name
  ] as const) {
    it(`is refused with file, key and remedy for linux.top ${top}, xen.root ${root}`, () => {
      const refused = () => checkDesigns(idea(top, root), "mine.yaml");
      expect(refused).to.throw(
        BadInput,
        new RegExp(`^mine.yaml: ${key}: (gang|constructor) is no design; name`),
      );
    });
  }

  it("ends the command with status 2 and one message where it does not", () => {
    const file = join(dir, "mine.yaml");
    writeFileSync(file, "name: mine\ntitle: t\nquestion: q\nlinux: { top: gang }\nxen: { root: shared }\n");
    for (const args of [
      ["evaluate", file],
      ["run", "none.perf.txt", "--proposal", file],
    ]) {
      const { status, stderr } = pvtwin(args);
      expect(status).to.equal(2);
      expect(stderr).to.match(
        /mine.yaml: linux.top: gang is no design; name one of per-mm-vcpu, per-thread, /,
      );
      expect(stderr.split("\n")).to.have.length(2);
    }
  });

  it("boots with a design registered at run time, which gets the proposal's parameters", () => {
    let seen: unknown;
    class Told extends SharedPgd {
      constructor(...[, config]: ConstructorParameters<typeof PerVcpu>) {
        super();
        seen = config.parameters;
      }
    }
    registerTopLevelDesign("told", Told);
    registerRootDesign("own-shared", class extends SharedRoot {});
    const proposal = { ...idea("told", "own-shared"), parameters: { batch: 8 } };
    expect(isOfThisThread(proposal)).to.equal(true);
    expect(isOfThisThread(idea("per-vcpu", "xpti"))).to.equal(false);
    const common = { geometry: smallGeometry(1), pcid: true, invpcid: true, audit: "observe" } as const;
    new Machine({ ...common, proposal: checkDesigns(proposal, "") }).boot();
    expect(seen).to.deep.equal({ batch: 8 });
    expect(() => new Machine({ ...common, proposal: idea("gang", "shared") })).to.throw(
      /nobody registered gang/,
    );
  });

  it("keeps a name for the design that has it", () => {
    registerTopLevelDesign("per-vcpu", PerVcpu);
    expect(() => registerTopLevelDesign("per-vcpu", SharedPgd)).to.throw(RangeError, /name of PerVcpu/);
    expect(() => registerRootDesign("shared", class extends SharedRoot {})).to.throw(
      RangeError,
      /SharedRoot/,
    );
  });
});

describe("the proposals of an evaluation", () => {
  it("begin with the baseline, wherever it is named", () => {
    expect(loadProposals(["xpti", "shared"]).map(({ name }) => name)).to.deep.equal(["shared", "xpti"]);
  });

  it("are objects as well as names, and differ in name if they differ", () => {
    const mine = idea("per-vcpu", "xpti");
    expect(loadProposals([mine, mine, "xpti"]).map(({ name }) => name)).to.deep.equal([
      "shared",
      "mine",
      "xpti",
    ]);
    expect(() => loadProposals([{ ...mine, name: "shared" }])).to.throw(
      BadInput,
      /another proposal is called/,
    );
  });
});
