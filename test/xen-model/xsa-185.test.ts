/**
 * XSA-185: a 32-bit guest could map an L3 by itself.
 *
 * A PAE L3 has no linear entries: the processor of a 32-bit Xen knew of none. On a 64-bit Xen the linear rule for L3s was
 * applied to PAE guests too, which have to set no RW for it to pass; but Xen adds RW and US to their L3 entries, for the
 * 4-level walk. The L3 was mapped writable. Linear L3s are for 64-bit guests alone now (facts/xen.md 11; 1.6, 6).
 */
import { expect } from "chai";
import { TestGuest, withRules } from "./test-guest.js";

/** An L3 with the kernel's L2 in slot 3, and itself in slot 0. */
function mapItself(guest: TestGuest): number {
  guest.do({ op: "kernel_l2", page: "p4" });
  guest.tables({ p4: [], p2: ["p2|0x1", "none|0x0", "none|0x0", "p4|0x1"] });
  return guest.pin(3, "p2");
}

describe("XSA-185", () => {
  it("a PAE L3 that maps itself is -EINVAL", () => {
    const guest = new TestGuest({ pv32: true });
    expect(mapItself(guest)).to.equal(-22);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("an entry of a PAE L3 in use does not map it either: -EINVAL", () => {
    const guest = new TestGuest({ pv32: true });
    guest.do({ op: "kernel_l2", page: "p4" });
    guest.tables({ p4: [], p2: ["none|0x0", "none|0x0", "none|0x0", "p4|0x1"] });
    expect([guest.pin(3, "p2"), guest.set("p2", 0, "p2|0x1")]).to.deep.equal([0, -22]);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("with the old rule, it maps itself writable", () => {
    const guest = new TestGuest({ pv32: true, rules: withRules({ no_linear_pae_l3: false }) });
    mapItself(guest);
    expect(guest.entry("p2", 0)).to.equal("p2|0x7");
    expect(guest.broken()).to.deep.equal(["linearMappingsAreReadOnly"]);
  });
});
