import { expect } from "chai";
import { checkProposal } from "../../../experiments/check/check-proposal.js";
import { proposal } from "../../machine/booted-machine.js";

// a changed count is a changed model: say why in the commit
describe("every interleaving of two threads of two processes with a vCPU that goes down and comes up", () => {
  const sizes = { vcpus: 2, threads: 2, mms: 2, slots: 1, ops: 1, hotplugs: 1 };
  for (const [name, states, transitions] of [
    ["xen-vcpu-root", 5_845, 12_330],
    ["linux-per-mm-vcpu", 8_816, 18_105],
    ["linux-per-thread-unlazy", 20_859, 42_918],
    ["linux-per-vcpu-local-flush", 34_085, 68_674],
    ["linux-per-vcpu", 36_705, 73_399],
  ] as const) {
    it(`holds under ${name}: ${states} states`, async () => {
      const result = await checkProposal({ proposal: proposal(name), sizes });
      expect(result.verdict).to.equal("holds");
      expect([result.states, result.transitions]).to.deep.equal([states, transitions]);
    }).timeout(120_000);
  }
});
