/**
 * XSA-299: who owns the references of a table that is partly audited.
 *
 * A preempted pin leaves its table PGT_partial and drops its general reference; the type reference stays, with
 * nobody to keep the frame allocated. A table above, preempted inside it, did not remember whether its entry held a reference.
 * Another vCPU could then finish, or take down, what the first had begun, and references were dropped twice.
 * PGT_partial owns one reference of each kind now, and PTF_partial_set is kept with the entry (facts/xen.md 11; 1.2).
 */
import { expect } from "chai";
import { TestGuest, withRules } from "./test-guest.js";

import type { Call } from "../../experiments/replay/script.js";

const PIN: Call = { op: "mmuext", ops: [{ cmd: "pin_l3", frame: "p0" }] };
const UNPIN: Call = { op: "mmuext", ops: [{ cmd: "unpin", frame: "p0" }] };

/** L3 p0 over L2 p1 over L1 p2. */
function build(guest: TestGuest): void {
  guest.tables({ p2: ["p9|0x67"], p1: ["p2|0x67", "p2|0x67"], p0: ["p1|0x67", "p1|0x67"] });
}

/** vCPU 0 pins the L3, and is preempted in its L2. */
function interrupt(guest: TestGuest): void {
  build(guest);
  guest.begin(0, PIN);
}

describe("XSA-299", () => {
  it("a preempted pin leaves each table on its path partial, with its references accounted for", () => {
    const guest = new TestGuest({ preempt: 1 });
    build(guest);
    expect(guest.begin(0, PIN)).to.be.true;
    expect([guest.isPartial("p0"), guest.isPartial("p1")]).to.deep.equal([true, true]);
    expect(guest.broken()).to.deep.equal([]);
    expect(guest.finish(0)).to.deep.equal({ rc: 0, done: 1 });
    expect(guest.broken()).to.deep.equal([]);
  });

  it("another vCPU may finish the pin; the first then finds it pinned: -EINVAL", () => {
    const guest = new TestGuest({ preempt: 1 });
    interrupt(guest);
    expect(guest.begin(1, PIN)).to.be.true;
    expect(guest.broken()).to.deep.equal([]);
    expect(guest.finish(1)["rc"]).to.equal(0);
    expect(guest.finish(0)).to.deep.equal({ rc: -22, err: "EINVAL", done: 0 });
    expect(guest.typeCount("p0")).to.equal(1);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("another vCPU may use the table below, and leave it validated, while the first waits", () => {
    const guest = new TestGuest({ preempt: 1 });
    interrupt(guest);
    expect(guest.pin(2, "p1", 1)).to.equal(0);
    expect(guest.broken()).to.deep.equal([]);
    expect(guest.finish(0)["rc"]).to.equal(0);
    expect(guest.unpin("p1", 1)).to.equal(0);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("another vCPU may pin the L3 anew while the first is taking it down", () => {
    const guest = new TestGuest({ preempt: 1 });
    build(guest);
    guest.pin(3, "p0");
    expect(guest.begin(0, UNPIN)).to.be.true;
    expect(guest.isPartial("p0")).to.be.true;
    expect(guest.pin(3, "p0", 1)).to.equal(0);
    expect(guest.broken()).to.deep.equal([]);
    expect(guest.finish(0)).to.deep.equal({ rc: 0, done: 1 });
    expect(guest.broken()).to.deep.equal([]);
    expect(guest.unpin("p0", 1)).to.equal(0);
    expect(guest.home("rw", "p0", "p1", "p2")).to.deep.equal([0, 0, 0]);
  });

  it("with the old rule of no general reference for PGT_partial, a frame in use is held by nobody", () => {
    const guest = new TestGuest({ preempt: 1, rules: withRules({ partial_owns_ref: false }) });
    interrupt(guest);
    expect(guest.broken()).to.include("countIsSumOfReferences");
  });

  it("with the old rule of no PTF_partial_set, an entry's reference is forgotten", () => {
    const guest = new TestGuest({ preempt: 1, rules: withRules({ partial_set: false }) });
    interrupt(guest);
    expect(guest.broken()).to.include("countIsSumOfReferences");
  });
});
