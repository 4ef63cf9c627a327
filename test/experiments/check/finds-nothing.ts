/** Checks of proposals that keep their promise, with the counts of their models. */
import { expect } from "chai";
import type { Bounds } from "../../../experiments/check/bounds.js";
import { checkProposal } from "../../../experiments/check/check-proposal.js";
import { proposal } from "../../machine/booted-machine.js";

/** A thread that forks or execs once, and exits, as its child does. */
export const ONE_LIFE: Bounds = { vcpus: 2, threads: 1, mms: 1, slots: 1, ops: 1, forks: 1 };
/** Two threads beside a kernel thread that uses their mm. */
export const BESIDE_KTHREAD: Bounds = { vcpus: 2, threads: 2, mms: 1, slots: 1, ops: 1, kthreads: 1 };

/** One `it` for each name, states, transitions: a changed count is a changed model, and its commit says why. */
export function findsNothing(sizes: Bounds, counts: readonly (readonly [string, number, number])[]): void {
  for (const [name, states, transitions] of counts) {
    it(`finds nothing in ${name}`, async () => {
      const result = await checkProposal({ proposal: proposal(name), sizes });
      const broken = result.properties.filter((one) => one.verdict !== "holds");
      expect(broken.map((one) => one.name)).to.deep.equal([]);
      expect([result.states, result.transitions]).to.deep.equal([states, transitions]);
    }).timeout(120_000);
  }
}
