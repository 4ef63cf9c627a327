/** 32-bit PV (PAE) guests (facts/xen.md 1.3, 1.5, 6). */
import { expect } from "chai";
import type { XenConfig } from "../../xen-model/xen-config.js";
import { TestGuest } from "./test-guest.js";

const EPERM = -1;
const EBUSY = -16;
const EINVAL = -22;

/** p4 is an L2 with the kernel's mappings, p2 an L3 with it in slot 3; p1 is an empty page, read-only. */
function guestWithL3(options: Partial<XenConfig> = {}, ...low: string[]): TestGuest {
  const guest = new TestGuest({ pv32: true, ...options });
  guest.do({ op: "kernel_l2", page: "p4" });
  const slots = [0, 1, 2].map((i) => low[i] ?? "none|0x0");
  guest.tables({ p1: [], p4: [], p2: [...slots, "p4|0x1"] });
  return guest;
}

describe("A PAE L3 (facts/xen.md 6)", () => {
  it("needs an L2 in slot 3: without, it is -EINVAL", () => {
    const guest = new TestGuest({ pv32: true });
    guest.tables({ p1: [], p2: ["p1|0x1"] });
    expect(guest.pin(3, "p2")).to.equal(EINVAL);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("gets US and RW in its entries while it is in use, and loses them and A afterwards", () => {
    const guest = guestWithL3({}, "p1|0x21");
    expect(guest.pin(3, "p2")).to.equal(0);
    expect([guest.entry("p2", 0), guest.entry("p2", 3)]).to.deep.equal(["p1|0x27", "p4|0x7"]);
    expect(guest.unpin("p2")).to.equal(0);
    expect([guest.entry("p2", 0), guest.entry("p2", 3)]).to.deep.equal(["p1|0x1", "p4|0x1"]);
  });

  it("has four entries; the other 508 are cleared", () => {
    const guest = guestWithL3();
    guest.home("rw", "p2");
    guest.do({ op: "write", page: "p2", index: 4, entry: "p9|0x67" });
    guest.home("ro", "p2");
    expect(guest.pin(3, "p2")).to.equal(0);
    expect(guest.entry("p2", 4)).to.equal("none|0x0");
  });

  for (const [slot, rc] of [
    [0, 0],
    [2, 0],
    [3, EINVAL],
    [4, EINVAL],
    [511, EINVAL],
  ] as const) {
    it(`takes updates of slot ${slot}: ${rc}`, () => {
      const guest = guestWithL3();
      guest.pin(3, "p2");
      expect(guest.set("p2", slot, "none|0x0")).to.equal(rc);
      expect(guest.broken()).to.deep.equal([]);
    });
  }

  const flags: [string, number][] = [
    ["0x1", 0],
    ["0x7", 0],
    ["0x61", 0],
    ["0xe01", 0],
    ["0x9", EINVAL],
    ["0x11", EINVAL],
    ["0x81", EINVAL],
    ["0x101", EINVAL],
    ["0x10000000000001", EINVAL],
    ["0x8000000000000001", EINVAL],
  ];
  for (const [bits, rc] of flags) {
    it(`takes flags ${bits} in an entry: ${rc} (facts/xen.md 1.3)`, () => {
      const guest = guestWithL3();
      guest.pin(3, "p2");
      expect(guest.set("p2", 0, `p1|${bits}`)).to.equal(rc);
      expect(guest.broken()).to.deep.equal([]);
    });
  }

  it("may be loaded on several vCPUs, each of which has an L4 of Xen's", () => {
    const guest = guestWithL3();
    expect([guest.mmuext("new_baseptr", "p2"), guest.mmuext("new_baseptr", "p2", 1)]).to.deep.equal([0, 0]);
    expect(guest.xen.guest_cr3(0)).to.not.equal(guest.xen.guest_cr3(1));
    expect(guest.typeCount("p2")).to.equal(2);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("that was loaded is taken down when no vCPU has it any more, however often that is preempted", () => {
    const guest = guestWithL3({ preempt: 1 }, "p1|0x1");
    expect(guest.mmuext("new_baseptr", "p2")).to.equal(0);
    expect(guest.home("rw", "p2")).to.deep.equal([EBUSY]);
    expect(guest.mmuext("new_baseptr", "base_l3")).to.equal(0);
    expect(guest.home("rw", "p2", "p4", "p1")).to.deep.equal([0, 0, 0]);
    expect(guest.broken()).to.deep.equal([]);
  });
});

describe("The L2 in slot 3 (facts/xen.md 6)", () => {
  it("is shared with no other entry: -EINVAL", () => {
    const guest = guestWithL3({}, "p4|0x1");
    expect(guest.pin(3, "p2")).to.equal(EINVAL);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("is shared with no other L3: -EINVAL, and nothing of the attempt is left", () => {
    const guest = new TestGuest({ pv32: true });
    guest.tables({ p2: ["none|0x0", "none|0x0", "none|0x0", "base_l2|0x1"] });
    expect(guest.pin(3, "p2")).to.equal(EINVAL);
    expect(guest.typeCount("base_l2")).to.equal(1);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("is not pinned, before or after: -EINVAL", () => {
    const guest = guestWithL3();
    guest.pin(2, "p4");
    expect(guest.pin(3, "p2")).to.equal(EINVAL);
    guest.unpin("p4");
    expect(guest.pin(3, "p2")).to.equal(0);
    expect(guest.pin(2, "p4")).to.equal(EINVAL);
    expect(guest.broken()).to.deep.equal([]);
  });

  for (const [slot, rc] of [
    [427, 0],
    [428, EPERM],
    [511, EPERM],
  ] as const) {
    it(`takes updates of slot ${slot}: ${rc} (facts/xen.md 1.8)`, () => {
      const guest = guestWithL3();
      guest.pin(3, "p2");
      expect(guest.set("p4", slot, "none|0x0")).to.equal(rc);
      expect(guest.set("base_l2", slot, "none|0x0")).to.equal(rc);
    });
  }

  it("gets Xen's entries whatever the guest left there, and keeps them as a page", () => {
    const guest = guestWithL3();
    guest.home("rw", "p4");
    guest.do({ op: "write", page: "p4", index: 430, entry: "p9|0x67" });
    guest.home("ro", "p4");
    guest.pin(3, "p2");
    guest.unpin("p2");
    expect([guest.entry("p4", 428), guest.entry("p4", 430)]).to.deep.equal(["xen|0x81", "none|0x0"]);
    expect(guest.typeCount("p9")).to.equal(1);
    expect(guest.broken()).to.deep.equal([]);
  });
});

describe("A 32-bit guest's base pointers (facts/xen.md 6)", () => {
  it("MMUEXT_PIN_L4_TABLE is ignored, of any frame", () => {
    const guest = new TestGuest({ pv32: true });
    expect([guest.pin(4, "p5"), guest.unpin("p5")]).to.deep.equal([0, EINVAL]);
  });

  it("MMUEXT_NEW_USER_BASEPTR is -EINVAL, mfn 0 too", () => {
    const guest = new TestGuest({ pv32: true });
    expect([guest.mmuext("new_user_baseptr", "base_l3"), guest.mmuext("new_user_baseptr")]).to.deep.equal([
      EINVAL,
      EINVAL,
    ]);
  });

  it("MMUEXT_NEW_BASEPTR of what is no L3 is -EINVAL", () => {
    const guest = new TestGuest({ pv32: true });
    for (const frame of ["none", "p5", "base_l2", "xen:261"])
      expect(guest.mmuext("new_baseptr", frame)).to.equal(EINVAL);
    expect(guest.broken()).to.deep.equal([]);
  });
});
