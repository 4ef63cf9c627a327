/**
 * XSA-408: the flush where a type changes was not made.
 *
 * The fix of XSA-401 took the new type before it asked whether the type was a new one, and so found it never was. The
 * question is about the type of before (facts/xen.md 11; 1.2).
 */
import { expect } from "chai";
import { TestGuest, withRules } from "./test-guest.js";

const tlb = { sets: 32, ways: 4 };

/** p0 is written to, made read-only without a flush, and pinned. */
function pinUnflushed(guest: TestGuest): number {
  guest.do({ op: "write", page: "p0", index: 0, entry: "none|0x0", noflush: true });
  guest.do({ op: "home", page: "p0", access: "ro", flush: "none", noflush: true });
  return guest.do({ op: "mmuext", ops: [{ cmd: "pin_l1", frame: "p0" }], noflush: true })["rc"] as number;
}

describe("XSA-408", () => {
  it("a change of type flushes translations that the guest did not", () => {
    const guest = new TestGuest({ tlb });
    expect(pinUnflushed(guest)).to.equal(0);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("with the old rule, a pCPU can write to a table", () => {
    const guest = new TestGuest({ tlb, rules: withRules({ flush_by_old_type: false }) });
    pinUnflushed(guest);
    expect(guest.broken()).to.deep.equal(["noStaleWritableTranslation"]);
  });
});
