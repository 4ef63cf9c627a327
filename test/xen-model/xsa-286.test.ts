/**
 * XSA-286: Xen's own linear map was stale after an edit of an L3.
 *
 * update_va_mapping() finds the L1 by Xen's linear map, in slot 258 of the guest's L4, through the TLB. In
 * one multicall, { update_va_mapping; mmu_update of the L3 entry; update_va_mapping }, the second update went to the
 * L1 of before. Any change of an L2, L3 or L4 now flushes all of the domain's pCPUs, before anything else runs
 * (facts/xen.md 11; 1.8, 4.2).
 */
import { expect } from "chai";
import { TestGuest, withRules } from "./test-guest.js";

const tlb = { sets: 32, ways: 4 };

/** base_l3[0] goes from L2 p2, with L1 p0, to L2 p3, with L1 p1. */
function editBetween(guest: TestGuest): void {
  guest.tables({ p0: [], p1: [], p2: ["p0|0x67"], p3: ["p1|0x67"] });
  guest.pin(2, "p3"); // no type changes in the multicall, as that would flush too
  guest.set("base_l3", 0, "p2|0x67");
  const va = "0xffffff8000000000";
  guest.do({
    op: "multicall",
    calls: [
      { op: "update_va_mapping", va, entry: "p10|0x65" },
      { op: "mmu_update", updates: [{ cmd: "normal", table: "base_l3", index: 0, entry: "p3|0x67" }] },
      { op: "update_va_mapping", va, entry: "p11|0x65" },
    ],
  });
}

describe("XSA-286", () => {
  it("an update behind an edit of the L3 goes to the new L1", () => {
    const guest = new TestGuest({ tlb });
    editBetween(guest);
    expect(guest.entry("p1", 0)).to.equal("p11|0x165");
    expect(guest.broken()).to.deep.equal([]);
  });

  it("with the old rule, Xen's linear map is not what the tables say", () => {
    const guest = new TestGuest({ tlb, rules: withRules({ flush_linear_pt: false }) });
    editBetween(guest);
    expect(guest.broken()).to.deep.equal(["linearMapIsFresh"]);
  });
});
