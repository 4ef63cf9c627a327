import { expect } from "chai";
import { checkProposal } from "../../../experiments/check/check-proposal.js";
import type { Bounds } from "../../../experiments/check/bounds.js";
import { proposal } from "../../machine/booted-machine.js";

const SMALL: Bounds = { vcpus: 2, threads: 1, mms: 1, slots: 1, ops: 1, hotplugs: 1 };

// a changed count is a changed model: say why in the commit
describe("a check of a vCPU that goes down and comes up, beside a thread", () => {
  for (const [name, states, transitions] of [
    ["xen-vcpu-root", 312, 518],
    ["linux-per-thread-unlazy", 644, 994],
    ["linux-per-mm-vcpu", 456, 741],
    ["linux-per-vcpu", 495, 760],
    ["linux-per-vcpu-local-flush", 481, 734],
  ] as const) {
    it(`finds nothing in ${name}`, async () => {
      const result = await checkProposal({ proposal: proposal(name), sizes: SMALL });
      expect(result.properties.filter(({ verdict }) => verdict !== "holds")).to.deep.equal([]);
      expect([result.states, result.transitions]).to.deep.equal([states, transitions]);
      expect(result.soundness.join(" ")).not.to.contain("hotplug");
    }).timeout(60_000);
  }

  it("is refused where mms come and go, too, or with a vCPU alone", async () => {
    for (const more of [{ forks: 1 }, { vcpus: 1 }]) {
      const sizes = { ...SMALL, ...more };
      const error = await checkProposal({ proposal: proposal("shared"), sizes }).then(
        () => undefined,
        (reason: Error) => reason,
      );
      expect(error?.message).to.contain("--hotplugs");
    }
  });
});
