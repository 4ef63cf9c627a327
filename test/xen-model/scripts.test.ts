import { invariantsHoldThroughTlb, preemptionDoesNotShow, turnsKeepInvariants } from "./script-properties.js";

describe("Any script of hypercalls", () => {
  it("gives the same results and the same state, however often Xen is preempted", () =>
    preemptionDoesNotShow(250));
  it("keeps all invariants, with a TLB", () => invariantsHoldThroughTlb(250));
  it("keeps all invariants at each turn of two vCPUs that are both preempted", () =>
    turnsKeepInvariants(250));
});
