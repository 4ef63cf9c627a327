import { invariantsHoldThroughTlb, preemptionDoesNotShow, turnsKeepInvariants } from "./script-properties.js";

describe("Any script of hypercalls", () => {
  it("keeps all invariants, with a TLB", () => invariantsHoldThroughTlb(200));
  for (const pv32 of [false, true]) {
    const guest = pv32 ? "32-bit" : "64-bit";
    it(`of a ${guest} guest gives the same results and state, however often Xen is preempted`, () =>
      preemptionDoesNotShow(150, pv32));
    it(`of a ${guest} guest keeps all invariants at each turn of two vCPUs that are both preempted`, () =>
      turnsKeepInvariants(150, pv32));
  }
});
