import { expect } from "chai";
import { explore } from "../../../checker/explore.js";
import { pvSource } from "../../../experiments/check/check-proposal.js";
import { proposal } from "../../machine/booted-machine.js";

/** Three threads over two processes on two vCPUs, two slots, two operations a thread. */
const BOUNDS = { vcpus: 2, threads: 3, mms: 2, slots: 2, ops: 2 };

describe("every interleaving of three threads over two processes, with two slots and two operations each", () => {
  // a changed count is a changed model: say why in the commit
  for (const [name, states, transitions] of [
    ["linux-per-mm-vcpu", 2_762_084, 5_748_850],
    ["xen-vcpu-root", 1_946_692, 4_687_705],
  ] as const) {
    it(`holds under ${name}: ${states} states`, async () => {
      const source = pvSource({ proposal: proposal(name), bounds: BOUNDS, kinds: "safety" });
      const outcome = await explore(source, { maxBytes: 8 * 2 ** 30 });
      expect(outcome.verdict).to.equal("holds");
      expect(outcome.soundness.ended).to.equal("exhausted");
      expect([outcome.states, outcome.transitions]).to.deep.equal([states, transitions]);
    });
  }
});
