import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { readProposal } from "../../abi/proposal.js";
import { dataFolder } from "../../experiments/bundled.js";
import { loadProposal, readBundledProposals } from "../../experiments/load-proposal.js";

describe("a proposal that comes with the project", () => {
  it("is what its file says, though the build has read it before", () => {
    const folder = dataFolder("abi", "proposals");
    const names = readdirSync(folder).map((file) => file.replace(/\.yaml$/, ""));
    expect(Object.keys(readBundledProposals()).sort()).to.deep.equal(names.sort());
    for (const name of names)
      expect(loadProposal(name), name).to.deep.equal(readProposal(join(folder, `${name}.yaml`)));
  });
});
