/**
 * XSA-240: linear tables of linear tables.
 *
 * An L2 could map an L2 that mapped an L2, and so on. Taking the first down took down the next, in a recursion as deep as
 * the guest liked, on Xen's stack. A table may now have linear entries or be used by some, not both: one signed counter
 * tells (facts/xen.md 11; 1.6).
 */
import { expect } from "chai";
import { TestGuest, withRules } from "./test-guest.js";

/** p0 maps p1, which maps p2, all of one level. */
function chain(guest: TestGuest, level: number): number[] {
  guest.tables({ p0: ["none|0x0"], p1: ["none|0x0"], p2: ["none|0x0"] });
  const pins = ["p0", "p1", "p2"].map((page) => guest.pin(level, page));
  return [...pins, guest.set("p1", 0, "p2|0x25"), guest.set("p0", 0, "p1|0x25")];
}

describe("XSA-240", () => {
  for (const level of [2, 3, 4]) {
    it(`an L${level} that has a linear entry is not used linearly: -EINVAL`, () => {
      const guest = new TestGuest();
      expect(chain(guest, level)).to.deep.equal([0, 0, 0, 0, -22]);
      expect(guest.broken()).to.deep.equal([]);
    });

    it(`an L${level} that is used linearly gets no linear entry: -EINVAL`, () => {
      const guest = new TestGuest();
      guest.tables({ p0: ["none|0x0"], p1: ["none|0x0"], p2: ["none|0x0"] });
      for (const page of ["p0", "p1", "p2"]) guest.pin(level, page);
      expect([guest.set("p0", 0, "p1|0x25"), guest.set("p1", 0, "p2|0x25")]).to.deep.equal([0, -22]);
      expect(guest.broken()).to.deep.equal([]);
    });

    it(`with the old rule, L${level}s are in a chain`, () => {
      const guest = new TestGuest({ rules: withRules({ one_linear_level: false }) });
      chain(guest, level);
      expect(guest.broken()).to.deep.equal(["linearUseIsOneLevelDeep"]);
    });
  }
});
