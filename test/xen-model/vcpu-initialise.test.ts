/** VCPUOP_initialise: another way to install an L4 (facts/xen.md 1.7). */
import { expect } from "chai";
import { TestGuest } from "./test-guest.js";

describe("VCPUOP_initialise", () => {
  for (const preempt of [0, 1]) {
    it(`audits the L4 and takes one use of it, ${preempt === 0 ? "in one go" : "preempted at every look"} (XSA-296)`, () => {
      const guest = new TestGuest({ preempt, nrVcpus: 3, nrPcpus: 3 });
      guest.tables({ p1: [], p2: ["p1|0x67", "p1|0x67"], p3: ["p2|0x67", "p2|0x67"], p4: ["p3|0x67"] });
      guest.set("p4", 511, "base_l3|0x67");
      expect(guest.xen.vcpu_initialise(2, guest.frame("p4"))).to.equal(0);
      expect([guest.typeCount("p4"), guest.xen.guest_cr3(2)]).to.deep.equal([1, guest.frame("p4")]);
      expect(guest.broken()).to.deep.equal([]);
    });
  }

  it("of what is no L4 is -EINVAL, and leaves the vCPU down", () => {
    const guest = new TestGuest({ nrVcpus: 3, nrPcpus: 3 });
    expect(guest.xen.vcpu_initialise(2, guest.frame("base_l3"))).to.equal(-22);
    expect(guest.xen.vcpus.up[2]).to.equal(0);
    expect(guest.xen.vcpu_up(2), "VCPUOP_up").to.equal(-22);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("is -EEXIST for a vCPU that was initialised before, be it up or down", () => {
    const guest = new TestGuest();
    expect(guest.xen.vcpu_initialise(1, guest.frame("base_l4"))).to.equal(-17);
    guest.xen.vcpu_down(1);
    expect(guest.xen.vcpu_initialise(1, guest.frame("base_l4"))).to.equal(-17);
    expect(guest.xen.vcpu_up(1)).to.equal(0);
    expect(guest.broken()).to.deep.equal([]);
  });

  for (const preempt of [0, 1]) {
    it(`takes a user table too, and where that does not pass gives both back${preempt === 0 ? "" : ", preempted at every look"}`, () => {
      const guest = new TestGuest({ preempt, nrVcpus: 3, nrPcpus: 3 });
      guest.tables({ p1: [], p2: ["p1|0x67", "p1|0x67"], p3: ["p2|0x67", "p2|0x67"] });
      guest.tables({ p4: ["p3|0x67"], p5: ["p3|0x67", "p9|0x67"] }); // p9 is no L3: p5 fails part way
      guest.set("p4", 511, "base_l3|0x67");
      const [p4, p5] = [guest.frame("p4"), guest.frame("p5")];
      expect(guest.xen.vcpu_initialise(2, p4, p5)).to.equal(-22);
      expect([guest.typeCount("p4"), guest.typeCount("p5"), guest.typeCount("p3")]).to.deep.equal([0, 0, 0]);
      expect([guest.xen.vcpus.guest_table[2], guest.xen.vcpus.old_guest_table[2]]).to.deep.equal([0, 0]);
      expect(guest.xen.vcpu_initialise(2, p4, p4)).to.equal(0);
      expect(guest.typeCount("p4")).to.equal(2);
      expect(guest.broken()).to.deep.equal([]);
    });
  }
});
