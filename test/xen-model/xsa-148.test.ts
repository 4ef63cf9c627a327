/**
 * XSA-148: an L2 entry could become a superpage.
 *
 * The fast path of mod_l2_entry() let flags change that are neither P nor the frame, PSE among them. A guest set PSE in an
 * entry that mapped an L1, and had 2 MiB of memory writable of which nobody had looked at a frame. PSE is never allowed,
 * and the fast path has a list of harmless flags (facts/xen.md 11; 1.3).
 */
import { expect } from "chai";
import { TestGuest, withRules } from "./test-guest.js";

import { _PAGE_PSE } from "../../abi/page.js";
import { FASTPATH_FLAG_WHITELIST, L2_DISALLOW_MASK } from "../../xen-model/audit-rules.js";

function setPse(guest: TestGuest): number[] {
  guest.tables({ p1: [], p0: ["p1|0x67"] });
  return [guest.pin(2, "p0"), guest.set("p0", 0, "p1|0xe7")];
}

describe("XSA-148", () => {
  it("PSE in an L2 entry is -EINVAL, and leaves the entry", () => {
    const guest = new TestGuest();
    expect(setPse(guest)).to.deep.equal([0, -22]);
    expect(guest.entry("p0", 0)).to.equal("p1|0x67");
    expect(guest.broken()).to.deep.equal([]);
  });

  it("with the old rule, a table has a superpage", () => {
    const rules = withRules({
      L2_DISALLOW_MASK: L2_DISALLOW_MASK & ~_PAGE_PSE,
      FASTPATH_PDE_FLAG_WHITELIST: FASTPATH_FLAG_WHITELIST | _PAGE_PSE,
    });
    const guest = new TestGuest({ rules });
    setPse(guest);
    expect(guest.broken()).to.include("upperEntriesHaveAllowedFlags");
  });
});
