/**
 * XSA-45: taking down a tree of tables could not be preempted.
 *
 * The last use of a table drops the tables below it, and theirs. Before 2013 that ran to its end, so that a
 * guest that built a large tree and dropped it kept a pCPU for minutes. Now each level looks for pending work between
 * entries, and the rest waits in old_guest_table (facts/xen.md 11; 1.11).
 */
import { expect } from "chai";
import { TestGuest, withRules } from "./test-guest.js";

/** An L3 over two L2s of 512 entries, all of one L1; dropped. No work is ever pending, but Xen looks. */
function dropTree(guest: TestGuest): number[] {
  const full = Array<string>(512).fill("p3|0x67");
  guest.tables({ p3: [], p1: full, p2: full, p0: ["p1|0x67", "p2|0x67"] });
  return [guest.pin(3, "p0"), guest.unpin("p0")];
}
const preempt = 1e9;

describe("XSA-45", () => {
  it("a tree is taken down with a look at pending work behind each entry", () => {
    const guest = new TestGuest({ preempt });
    expect(dropTree(guest)).to.deep.equal([0, 0]);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("with the old rule, work piles up behind none", () => {
    const guest = new TestGuest({ preempt, rules: withRules({ demote_is_preemptible: false }) });
    dropTree(guest);
    expect(guest.broken()).to.deep.equal(["workIsPreemptible"]);
  });

  it("an unpin whose taking down is preempted counts as done, and frees all in the end", () => {
    const guest = new TestGuest({ preempt: 100 });
    expect(dropTree(guest)).to.deep.equal([0, 0]);
    expect(guest.home("rw", "p0", "p1", "p2", "p3")).to.deep.equal([0, 0, 0, 0]);
    expect(guest.broken()).to.deep.equal([]);
  });
});
