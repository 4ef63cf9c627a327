/**
 * XSA-309: a resumed audit forgot the linear entries it had counted.
 *
 * linear_pt_count was set to 0 whenever an audit began, also when it went on after a preemption. The table had linear
 * entries then and a count that said none, and could be used linearly itself, which XSA-240 forbids. The count is reset only for a
 * table that is not PGT_partial (facts/xen.md 11; 1.6).
 */
import { expect } from "chai";
import { TestGuest, withRules } from "./test-guest.js";

/** L2 p0 maps L2 p1 linearly in entry 0, and is preempted behind it. */
function preemptBehindLinear(guest: TestGuest): number[] {
  guest.tables({ p1: [], p0: ["p1|0x25"] });
  return [guest.pin(2, "p1"), guest.pin(2, "p0")];
}

describe("XSA-309", () => {
  it("linear entries of before a preemption count after it", () => {
    const guest = new TestGuest({ preempt: 1 });
    expect(preemptBehindLinear(guest)).to.deep.equal([0, 0]);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("with the old rule, linear_pt_count has lost them", () => {
    const guest = new TestGuest({ preempt: 1, rules: withRules({ resume_keeps_linear_count: false }) });
    preemptBehindLinear(guest);
    expect(guest.broken()).to.include("linearCountIsRight");
  });
});
