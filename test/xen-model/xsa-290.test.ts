/**
 * XSA-290: taking down an L3 with linear entries looked for pending work too seldom.
 *
 * An L3 may map another L3 linearly, and if it holds the last use, takes that down with its L2s: with 512 entries at
 * each of the levels. Between L3 and L2 entries nothing looked for pending work. Both loops look now (facts/xen.md 11; 1.11).
 */
import { expect } from "chai";
import { TestGuest, withRules } from "./test-guest.js";

/** L3 p0 maps L3 p1, of which it soon holds the last use; p1 maps an L2 in all its entries. */
function dropLinear(guest: TestGuest): number[] {
  const rcs: number[] = [];
  guest.tables({ p2: [], p1: Array<string>(512).fill("p2|0x67"), p0: [] });
  rcs.push(guest.pin(3, "p0"), guest.pin(3, "p1"));
  for (let slot = 0; slot < 256; slot++) guest.set("p0", slot, "p1|0x25");
  rcs.push(guest.unpin("p1"), guest.unpin("p0"));
  return rcs;
}
const preempt = 1e9;

describe("XSA-290", () => {
  it("an L3 used linearly is taken down with a look at pending work behind each entry", () => {
    const guest = new TestGuest({ preempt });
    expect(dropLinear(guest)).to.deep.equal([0, 0, 0, 0]);
    expect(guest.broken()).to.deep.equal([]);
    expect(guest.home("rw", "p0", "p1", "p2")).to.deep.equal([0, 0, 0]);
  });

  it("with the old rule, the entries of both are one piece of work", () => {
    const guest = new TestGuest({ preempt, rules: withRules({ demote_is_preemptible: false }) });
    dropLinear(guest);
    expect(guest.broken()).to.deep.equal(["workIsPreemptible"]);
  });

  for (const every of [1, 2, 7]) {
    it(`nothing is lost with a preemption at every ${every} of these looks`, () => {
      const guest = new TestGuest({ preempt: every });
      dropLinear(guest);
      expect(guest.broken()).to.deep.equal([]);
      expect(guest.home("rw", "p0", "p1", "p2")).to.deep.equal([0, 0, 0]);
    });
  }
});
