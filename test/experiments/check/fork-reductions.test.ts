import { expect } from "chai";
import { explore } from "../../../checker/explore.js";
import { pvSource } from "../../../experiments/check/check-proposal.js";
import { proposal } from "../../machine/booted-machine.js";

/** One thread that forks, a slot, an operation each. */
const BOUNDS = { vcpus: 2, threads: 1, mms: 1, slots: 1, ops: 1, forks: 1 };

describe("a model with a fork", () => {
  for (const [mutant, verdict] of [
    [undefined, "holds"],
    ["mm-goes-while-loaded", "violated"],
  ] as const) {
    it(`${verdict} with and without reductions${mutant === undefined ? "" : `, mutant ${mutant}`}`, async () => {
      const more = mutant === undefined ? {} : { mutant };
      const source = pvSource({
        proposal: proposal("xen-vcpu-root"),
        bounds: BOUNDS,
        kinds: "safety",
        ...more,
      });
      const all = await explore(source);
      const noOrder = await explore(source, { partialOrder: false });
      const noSymmetry = await explore(source, { symmetry: false });
      for (const outcome of [all, noOrder, noSymmetry]) {
        expect(outcome.verdict).to.equal(verdict);
        expect(outcome.soundness.partialOrder).to.equal(false); // there is none with forks
        expect(outcome.depth).to.equal(all.depth);
        expect(outcome.properties.map((one) => one.verdict)).to.deep.equal(
          all.properties.map((one) => one.verdict),
        );
      }
      expect([noOrder.states, noOrder.transitions]).to.deep.equal([all.states, all.transitions]);
      expect(all.soundness.symmetries).to.equal(1); // two vCPUs
      // a mirrored state may lie deeper than the violation
      expect(noSymmetry.states).to.be.above(verdict === "holds" ? 1.8 * all.states : all.states);
      expect(noSymmetry.states).to.be.at.most(2 * all.states);
    }).timeout(60_000);
  }
});
