/** The long run of scripts.test.ts: npm run test:long. */
import { KINDS } from "./script-kinds.js";
import { invariantsHoldThroughTlb, preemptionDoesNotShow, turnsKeepInvariants } from "./script-properties.js";

describe("32,000 scripts of hypercalls", function () {
  this.timeout(0);
  it("keep all invariants, with a TLB", () => invariantsHoldThroughTlb(4000));
  it("keep all invariants, with a TLB, under an exclusive audit whose edits flush the L4's owner alone", () =>
    invariantsHoldThroughTlb(4000, { exclusive: "enforce", flush: "owner" }));
  for (const [guest, options, share] of KINDS) {
    it(`of ${guest} give the same results and state, however often Xen is preempted`, () =>
      preemptionDoesNotShow(4000 * share, options));
    it(`of ${guest} keep all invariants at each turn of two vCPUs that are both preempted`, () =>
      turnsKeepInvariants(4000 * share, options));
  }
});
