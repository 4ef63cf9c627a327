/**
 * XSA-213: a multicall went on after it had left the guest's kernel.
 *
 * An iret in a multicall switches to the user tables. The calls behind it ran on those, with which Xen's linear
 * map and its accesses to guest memory saw tables that the calls did not mean. An iret now ends the multicall
 * (facts/xen.md 11; 1.8).
 */
import { expect } from "chai";
import { TestGuest, withRules } from "./test-guest.js";

function iretFirst(guest: TestGuest): void {
  guest.tables({ p1: [], p0: ["none|0x0"] });
  guest.pin(2, "p0");
  guest.mmuext("new_user_baseptr", "base_l4");
  guest.multicallWithIret("p0", 0, "p1");
}

describe("XSA-213", () => {
  it("a call behind an iret in a multicall is not made", () => {
    const guest = new TestGuest();
    iretFirst(guest);
    expect(guest.entry("p0", 0)).to.equal("none|0x0");
    expect(guest.broken()).to.deep.equal([]);
  });

  it("with the old rule, it is made on the user tables", () => {
    const guest = new TestGuest({ rules: withRules({ iret_ends_multicall: false }) });
    iretFirst(guest);
    expect(guest.broken()).to.deep.equal(["hypercallsRunOnKernelTables"]);
  });
});
