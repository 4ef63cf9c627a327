/**
 * XSA-401: a frame became a table while a pCPU could still write to it.
 *
 * Where a frame's type changes, pCPUs that may have it writable in their TLBs are flushed. The flush came first, and the
 * type was set by a compare-and-exchange behind it. In between, another vCPU could map the frame writable, write
 * and unmap it: the type was what it had been, the exchange succeeded, and that pCPU kept its writable translation of a
 * table. The reference is taken first now, so that no writable one can be, and then comes the flush (facts/xen.md 11; 1.2).
 */
import { expect } from "chai";
import { TestGuest, withRules } from "./test-guest.js";

const tlb = { sets: 32, ways: 4 };

/** vCPU 1 has p0 writable in its TLB, and nowhere else. */
function writeAndUnmap(guest: TestGuest): void {
  guest.do({ op: "home", vcpu: 1, page: "p0", access: "rw", flush: "none" });
  guest.do({ op: "write", vcpu: 1, page: "p0", index: 0, entry: "none|0x0" });
  guest.do({ op: "home", vcpu: 1, page: "p0", access: "ro", flush: "none" });
}

/** vCPU 0 pins p0 as an L1; vCPU 1 writes to it before, and in the window that there was. */
function pinWhileWritten(guest: TestGuest): number {
  guest.home("ro", "p0");
  writeAndUnmap(guest);
  guest.xen.race_window = (where, mfn) => {
    if (where !== "_get_page_type" || mfn !== guest.frame("p0")) return;
    guest.xen.race_window = undefined;
    writeAndUnmap(guest);
  };
  return guest.pin(1, "p0");
}

describe("XSA-401", () => {
  it("a frame that is a table is writable in no TLB", () => {
    const guest = new TestGuest({ tlb });
    expect(pinWhileWritten(guest)).to.equal(0);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("with the old rule, a pCPU can write to a table", () => {
    const guest = new TestGuest({ tlb, rules: withRules({ flush_behind_type: false }) });
    pinWhileWritten(guest);
    expect(guest.broken()).to.deep.equal(["noStaleWritableTranslation"]);
  });
});
