/**
 * XSA-279: a flush of an address that nobody had checked.
 *
 * update_va_mapping() flushed as it was asked to, even if it had failed, and it fails for addresses that are not
 * canonical. INVPCID raises #GP for those, in Xen. On error there is no flush now (facts/xen.md 11; 1.8).
 */
import { expect } from "chai";
import { TestGuest, withRules } from "./test-guest.js";

function flushNowhere(guest: TestGuest): unknown {
  return guest.do({
    op: "update_va_mapping",
    va: "0x8000000000000000",
    entry: "none|0x0",
    flush: "invlpg_all",
  })["rc"];
}

describe("XSA-279", () => {
  it("an update at an address that is not canonical is -EINVAL, and flushes nothing", () => {
    const guest = new TestGuest();
    expect(flushNowhere(guest)).to.equal(-22);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("with the old rule, Xen takes #GP", () => {
    const guest = new TestGuest({ rules: withRules({ no_flush_on_error: false }) });
    flushNowhere(guest);
    expect(guest.broken()).to.deep.equal(["xenTakesNoFault"]);
  });

  for (const cmd of ["invlpg_local", "invlpg_all", "invlpg_multi"]) {
    it(`${cmd} of such an address is ignored`, () => {
      const guest = new TestGuest();
      const ops = [{ cmd, va: "0x8000000000000000", mask: 3 }];
      expect(guest.do({ op: "mmuext", ops })["rc"]).to.equal(0);
      expect(guest.broken()).to.deep.equal([]);
    });
  }
});
