/**
 * XSA-182: a read-only mapping of a table by itself could become writable.
 *
 * Linear mappings are allowed if they have no RW, and take no type reference on the table itself. The fast path did not
 * look at RW: a guest set it in its linear entry, and wrote to its own L4. RW is now none of the flags that may change
 * without an audit, unless linear tables are compiled out (facts/xen.md 11; 1.8).
 */
import { expect } from "chai";
import { TestGuest, withRules } from "./test-guest.js";

import { _PAGE_RW } from "../../abi/page.js";
import { FASTPATH_FLAG_WHITELIST } from "../../xen-model/audit-rules.js";

function makeWritable(guest: TestGuest, level: number): number[] {
  guest.tables({ p0: ["none|0x0", "none|0x0"] });
  return [guest.pin(level, "p0"), guest.set("p0", 5, "p0|0x25"), guest.set("p0", 5, "p0|0x27")];
}

describe("XSA-182", () => {
  for (const level of [2, 3, 4]) {
    it(`RW in a linear entry of an L${level} is -EINVAL`, () => {
      const guest = new TestGuest();
      expect(makeWritable(guest, level)).to.deep.equal([0, 0, -22]);
      expect(guest.broken()).to.deep.equal([]);
    });

    it(`with the old rule, an L${level} is mapped writable by itself`, () => {
      const rules = withRules({ FASTPATH_PDE_FLAG_WHITELIST: FASTPATH_FLAG_WHITELIST | _PAGE_RW });
      const guest = new TestGuest({ rules });
      makeWritable(guest, level);
      expect(guest.broken()).to.deep.equal(["linearMappingsAreReadOnly"]);
    });
  }
});
