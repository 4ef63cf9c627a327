/** The long run of scripts.test.ts: npm run test:long. */
import { invariantsHoldThroughTlb, preemptionDoesNotShow, turnsKeepInvariants } from "./script-properties.js";

describe("20,000 scripts of hypercalls", function () {
  this.timeout(0);
  it("keep all invariants, with a TLB", () => invariantsHoldThroughTlb(4000));
  for (const pv32 of [false, true]) {
    const guest = pv32 ? "32-bit" : "64-bit";
    it(`of a ${guest} guest give the same results and state, however often Xen is preempted`, () =>
      preemptionDoesNotShow(4000, pv32));
    it(`of a ${guest} guest keep all invariants at each turn of two vCPUs that are both preempted`, () =>
      turnsKeepInvariants(4000, pv32));
  }
});
