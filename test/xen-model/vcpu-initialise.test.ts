/** VCPUOP_initialise: another way to install an L4 (facts/xen.md 1.7). */
import { expect } from "chai";
import { TestGuest } from "./test-guest.js";

describe("VCPUOP_initialise", () => {
  for (const preempt of [0, 1]) {
    it(`audits the L4 and takes one use of it, ${preempt === 0 ? "in one go" : "preempted at every look"} (XSA-296)`, () => {
      const guest = new TestGuest({ preempt });
      guest.tables({ p1: [], p2: ["p1|0x67", "p1|0x67"], p3: ["p2|0x67", "p2|0x67"], p4: ["p3|0x67"] });
      guest.set("p4", 511, "base_l3|0x67");
      expect(guest.xen.vcpu_initialise(1, guest.frame("p4")), "while it is up").to.equal(-22);
      guest.xen.vcpu_down(1);
      expect(guest.xen.vcpu_initialise(1, guest.frame("p4"))).to.equal(0);
      expect([guest.typeCount("p4"), guest.xen.guest_cr3(1)]).to.deep.equal([1, guest.frame("p4")]);
      expect(guest.broken()).to.deep.equal([]);
    });
  }

  it("of what is no L4 is -EINVAL, and leaves the vCPU down", () => {
    const guest = new TestGuest();
    guest.xen.vcpu_down(1);
    expect(guest.xen.vcpu_initialise(1, guest.frame("base_l3"))).to.equal(-22);
    expect(guest.xen.vcpus.up[1]).to.equal(0);
    expect(guest.broken()).to.deep.equal([]);
  });
});
