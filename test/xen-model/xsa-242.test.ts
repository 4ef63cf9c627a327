/**
 * XSA-242: unlocking a table could drop its last use.
 *
 * An update locks the table, which takes a type reference. If another vCPU dropped all other references meanwhile,
 * the unlock dropped the last one, and nothing took the table down: its entries kept their references for ever, or, after a
 * new audit, had them twice. Dropping the last reference but the lock's now waits for the lock (facts/xen.md 11; 1.2).
 */
import { expect } from "chai";
import { TestGuest, withRules } from "./test-guest.js";

import type { Call } from "../../experiments/replay/script.js";

const UNPIN: Call = { op: "mmuext", ops: [{ cmd: "unpin", frame: "p0" }] };

/** vCPU 1 unpins the L2 while vCPU 0 has it locked for an update. Returns whether the unpin was preempted. */
function unpinWhileLocked(guest: TestGuest): boolean {
  let preempted = false;
  guest.tables({ p1: [], p0: ["p1|0x67", "p1|0x67"] });
  guest.pin(2, "p0");
  guest.xen.race_window = (where) => {
    guest.xen.race_window = undefined;
    if (where === "page_lock") preempted = guest.begin(1, UNPIN);
  };
  guest.set("p0", 5, "p1|0x67");
  return preempted;
}

describe("XSA-242", () => {
  it("dropping the last reference but the lock's waits, and takes the table down", () => {
    const guest = new TestGuest();
    expect(unpinWhileLocked(guest)).to.be.true;
    expect(guest.broken()).to.deep.equal([]);
    expect(guest.finish(1)).to.deep.equal({ rc: 0, done: 1 });
    expect(guest.home("rw", "p0", "p1")).to.deep.equal([0, 0]);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("with the old rule, a table without uses keeps what its entries hold", () => {
    const guest = new TestGuest({ rules: withRules({ put_waits_for_lock: false }) });
    unpinWhileLocked(guest);
    expect(guest.broken()).to.include("usedMeansAudited");
    expect(guest.broken()).to.include("typeCountIsSumOfReferences");
  });
});
