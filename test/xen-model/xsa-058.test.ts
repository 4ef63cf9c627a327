/**
 * XSA-58: a pin that failed part way lost a reference.
 *
 * The fix of XSA-45 left what a failed audit had taken in old_guest_table, but the failing pin dropped its own general
 * reference as well. When the table was taken down later, its count went below what its holders hold, and the frame
 * could be freed while it was in use. A table in old_guest_table now keeps the reference of the pin (facts/xen.md 11).
 */
import { expect } from "chai";
import { TestGuest, withRules } from "./test-guest.js";

/** Entry 1 of the L2 is a page that is writable elsewhere. */
function failPin(guest: TestGuest): number {
  guest.tables({ p1: [], p0: ["p1|0x67", "p5|0x67"] });
  return guest.pin(2, "p0");
}

describe("XSA-58", () => {
  it("a failed pin gives back all that its audit took", () => {
    const guest = new TestGuest();
    expect(failPin(guest)).to.equal(-22);
    expect(guest.broken()).to.deep.equal([]);
    expect(guest.home("rw", "p0", "p1")).to.deep.equal([0, 0]);
  });

  it("with the old rule, it gives back one reference more", () => {
    const guest = new TestGuest({ rules: withRules({ old_table_keeps_ref: false }) });
    failPin(guest);
    expect(guest.broken()).to.include("countIsSumOfReferences");
  });
});
