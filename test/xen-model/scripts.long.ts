/** The long run of scripts.test.ts: npm run test:long. */
import { invariantsHoldThroughTlb, preemptionDoesNotShow, turnsKeepInvariants } from "./script-properties.js";

describe("20,000 scripts of hypercalls", function () {
  this.timeout(0);
  it("give the same results and the same state, however often Xen is preempted", () =>
    preemptionDoesNotShow(10000));
  it("keep all invariants, with a TLB", () => invariantsHoldThroughTlb(5000));
  it("keep all invariants at each turn of two vCPUs that are both preempted", () =>
    turnsKeepInvariants(5000));
});
