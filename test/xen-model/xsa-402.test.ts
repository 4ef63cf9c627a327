/**
 * XSA-402: a table was audited in the cache, and walked in memory.
 *
 * A guest that may choose cache attributes wrote to a page through a write-combining mapping, past the caches, while
 * an older copy of the page was in them. The audit read the copy; the processor, once the line had gone, walked what the guest
 * had written. A frame that has been mapped writable so is PGT_non_coherent, and its lines are flushed before it is used as
 * anything but a writable page (facts/xen.md 11; 1.1).
 */
import { expect } from "chai";
import { TestGuest, withRules } from "./test-guest.js";

/** p0 is mapped writable as WC (PAT alone) by L1 p1, for a while; then it becomes an L1. */
function pastTheCaches(guest: TestGuest): number[] {
  guest.tables({ p0: [], p1: ["p0|0xe7"] });
  return [guest.pin(1, "p1"), guest.unpin("p1"), guest.pin(1, "p0")];
}

describe("XSA-402", () => {
  it("a frame that was mapped writable as WC is flushed from the caches before it is a table", () => {
    const guest = new TestGuest();
    expect(pastTheCaches(guest)).to.deep.equal([0, 0, 0]);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("with the old rule, a table in memory is not the one that was audited", () => {
    const guest = new TestGuest({ rules: withRules({ track_non_coherent: false }) });
    pastTheCaches(guest);
    expect(guest.broken()).to.deep.equal(["tablesAreCoherent"]);
  });
});
