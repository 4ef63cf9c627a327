/** Rows of address spaces: which have ever been used. */
import { expect } from "chai";
import { bootedMachine } from "../machine/booted-machine.js";

describe("the table of address spaces", () => {
  it("knows a row from which on none was ever used, whichever were freed between", () => {
    const { mms } = bootedMachine("shared").linux;
    const highest = () => mms.used.lastIndexOf(1);
    expect(mms.rows).to.equal(highest() + 1);
    const made = Array.from({ length: 5 }, () => mms.allocate_mm());
    expect(mms.rows).to.equal(highest() + 1);
    for (const mm of made.slice(1, 3)) mms.free_mm(mm);
    for (let i = 0; i < 4; i++) {
      mms.allocate_mm();
      expect(mms.rows).to.be.above(highest());
    }
    while (highest() + 1 < mms.max) mms.allocate_mm();
    expect(mms.rows).to.equal(mms.max);
  });
});
