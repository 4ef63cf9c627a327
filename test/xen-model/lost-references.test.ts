/** Corners in which Xen loses references, and the model does not: the Differs: lines of promote.ts. */
import { expect } from "chai";
import { TestGuest } from "./test-guest.js";

const EINVAL = -22;

/** The pin fails, and afterwards the pages are the guest's to write to. */
function failsAndFrees(guest: TestGuest, level: number, table: string, ...pages: string[]): void {
  expect(guest.pin(level, table)).to.equal(EINVAL);
  expect(guest.broken()).to.deep.equal([]);
  expect(guest.home("rw", table, ...pages)).to.deep.equal([table, ...pages].map(() => 0));
}

describe("A failed audit gives back what it took", () => {
  for (const preempt of [0, 1, 2, 3]) {
    const how = preempt === 0 ? "not preempted" : `preempted at every ${preempt}`;
    it(`of an L2 that fails behind entry 0, in entry 0 of an L3, behind entry 0 of an L4; ${how}`, () => {
      const guest = new TestGuest({ preempt });
      guest.tables({
        p0: [],
        p1: ["p0|0x67", "p0|0x67", "p9|0x67"],
        p2: ["p1|0x67"],
        p3: ["none|0x0", "p2|0x67"],
      });
      failsAndFrees(guest, 4, "p3", "p0", "p1", "p2");
    });

    it(`of an L4 that is preempted in entry 0, and fails in entry 0 of the L3; ${how}`, () => {
      const guest = new TestGuest({ preempt });
      guest.tables({
        p1: Array<string>(5).fill("none|0x0").concat("p9|0x67"),
        p2: ["p1|0x67"],
        p3: ["p2|0x67"],
      });
      failsAndFrees(guest, 4, "p3", "p1", "p2");
    });

    it(`of a PAE L3 whose slot 3 has another L3's L2; ${how}`, () => {
      const guest = new TestGuest({ pv32: true, preempt });
      guest.tables({ p2: ["none|0x0", "none|0x0", "none|0x0", "base_l2|0x1"] });
      failsAndFrees(guest, 3, "p2");
      expect(guest.typeCount("base_l2")).to.equal(1);
    });
  }
});
