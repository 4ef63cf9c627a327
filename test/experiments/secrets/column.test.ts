import { expect } from "chai";
import { loadProposal } from "../../../experiments/evaluate.js";
import { secretsColumn } from "../../../experiments/secrets/column.js";

describe("the secrets of a proposal in an evaluation", () => {
  it("are all other domains' memory in Xen, for each root design", () => {
    const bytes = ["shared", "xpti", "xen-vcpu-root"].map(
      (name) => secretsColumn(loadProposal(name))!.inXen.classes.other_domains,
    );
    expect(bytes[0]).to.be.greaterThan(2 ** 35);
    expect(new Set(bytes).size).to.equal(1);
  });

  it("are nothing like that in a guest under XPTI, on a processor that ignores U/S", () => {
    const [shared, xpti] = ["shared", "xpti"].map((name) => secretsColumn(loadProposal(name))!.inGuest);
    expect(shared!.classes.other_domains).to.be.greaterThan(2 ** 35);
    // the GDT under another vCPU of the domain, and the TSS of pCPU 0
    expect([xpti!.classes.other_domains, xpti!.secretBytes]).to.deep.equal([0, 2 * 4096]);
  });

  // facts/xen.md: Meltdown reads what the tables in %cr3 map; behind EPT, and below 4 GiB, that is nothing of Xen's
  for (const name of ["control-pvh", "control-pv32", "shim"]) {
    it(`are nothing from a guest of ${name}, which has none of Xen in its address space`, () => {
      const { inGuest, inXen } = secretsColumn(loadProposal(name))!;
      expect(inGuest.secretBytes).to.equal(0);
      expect(inXen.classes.other_domains).to.be.greaterThan(2 ** 35);
    });
  }
});
