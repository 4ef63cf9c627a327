import { KINDS } from "./script-kinds.js";
import { invariantsHoldThroughTlb, preemptionDoesNotShow, turnsKeepInvariants } from "./script-properties.js";

describe("Any script of hypercalls", () => {
  it("keeps all invariants, with a TLB", () => invariantsHoldThroughTlb(200));
  it("keeps all invariants, with a TLB, under an exclusive audit whose edits flush the L4's owner alone", () =>
    invariantsHoldThroughTlb(200, { exclusive: "enforce", flush: "owner" }));
  for (const [guest, options, share] of KINDS) {
    it(`of ${guest} gives the same results and state, however often Xen is preempted`, () =>
      preemptionDoesNotShow(150 * share, options));
    it(`of ${guest} keeps all invariants at each turn of two vCPUs that are both preempted`, () =>
      turnsKeepInvariants(150 * share, options));
  }
});
