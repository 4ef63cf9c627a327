/**
 * XSA-310: a preempted demotion went on in the wrong place, or with what it no longer held.
 *
 * Taking a table down is preempted before an entry, or within it. nr_validated_ptes tells how many entries hold
 * references, so that in the first case the entry counts; it did not always, and its references stayed for ever. A linear
 * table whose taking down was preempted lost its PTF_partial_set, and a vCPU that was destroyed dropped tables that it
 * had parked already (facts/xen.md 11; 1.11).
 */
import { expect } from "chai";
import { TestGuest, withRules } from "./test-guest.js";

import type { Call } from "../../experiments/replay/script.js";

const UNPIN: Call = { op: "mmuext", ops: [{ cmd: "unpin", frame: "p0" }] };

/** An L2 with L1s in its last entries is unpinned, and preempted after one entry. */
function preemptDemotion(guest: TestGuest): boolean {
  guest.tables({ p1: [], p2: [], p0: [] });
  guest.do({ op: "home", page: "p0", access: "rw" });
  guest.do({ op: "write", page: "p0", index: 510, entry: "p1|0x67" });
  guest.do({ op: "write", page: "p0", index: 511, entry: "p2|0x67" });
  guest.home("ro", "p0");
  guest.pin(2, "p0");
  return guest.begin(0, UNPIN);
}

describe("XSA-310", () => {
  it("entries from nr_validated_ptes on hold nothing, and those below hold all", () => {
    const guest = new TestGuest({ preempt: 1 });
    expect(preemptDemotion(guest)).to.be.true;
    expect([guest.typeCount("p1"), guest.typeCount("p2")]).to.deep.equal([1, 0]);
    expect(guest.broken()).to.deep.equal([]);
    expect(guest.finish(0)["rc"]).to.equal(0);
    expect(guest.home("rw", "p0", "p1", "p2")).to.deep.equal([0, 0, 0]);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("with the old rule, the entry it stopped at is passed over", () => {
    const guest = new TestGuest({ preempt: 1, rules: withRules({ demote_resumes_at_entry: false }) });
    preemptDemotion(guest);
    expect(guest.broken()).to.include("typeCountIsSumOfReferences");
  });

  it("a linear L3 that is preempted while it is taken down loses nothing, whoever goes on", () => {
    for (let steps = 0; steps < 40; steps++) {
      const guest = new TestGuest({ preempt: 1 });
      guest.tables({ p3: [], p2: ["p3|0x67"], p1: ["p2|0x67"], p0: [] });
      guest.pin(3, "p0");
      guest.pin(3, "p1");
      guest.set("p0", 511, "p1|0x25");
      guest.unpin("p1");
      guest.begin(0, UNPIN);
      for (let i = 0; i < steps; i++) if (guest.resume(0) !== undefined) return;
      expect(guest.pin(3, "p1", 1), `after ${steps} steps`).to.equal(0);
      expect(guest.broken()).to.deep.equal([]);
      guest.finish(0);
      guest.unpin("p1", 1);
      expect(guest.broken()).to.deep.equal([]);
      expect(guest.home("rw", "p0", "p1", "p2", "p3")).to.deep.equal([0, 0, 0, 0]);
    }
  });
});
