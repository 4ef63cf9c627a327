/**
 * The exclusive audit: an L4 is installed on one vCPU at most. The cases (a) to (j) of facts/xen.md 11, each by its
 * letter.
 *
 * "Nothing changes" is over all bytes of the state: memory, frame table, vCPUs, pCPUs, TLB clocks. Two things of the
 * state are left out, and change: the ledger's counts, and the log of refusals.
 */
import { expect } from "chai";
import type { Call } from "../../experiments/replay/script.js";
import { decisionLine } from "../../xen-model/audit-log.js";
import { PGT_l4_page_table, PGT_writable_page } from "../../xen-model/frame-table.js";
import { refusalDecision } from "../../xen-model/refusals.js";
import type { XenConfig } from "../../xen-model/xen-config.js";
import { TestGuest, withRules } from "./test-guest.js";

const EBUSY = -16;
const EINVAL = -22;

/** Pages of L4s, with the kernel's mappings in slot 511. */
const L4S = ["p0", "p1", "p2"];

/** vCPU 0 runs on base_l4, vCPU 1 on p0, and vCPU 2 was never started; p1 and p2 could be L4s, and are in no use. */
function auditedGuest(options: Partial<XenConfig> = {}): TestGuest {
  const guest = new TestGuest({ exclusive: "enforce", nrVcpus: 3, nrPcpus: 3, ...options });
  guest.tables({ p7: [], p6: ["p7|0x67", "p7|0x67"], p5: ["p6|0x67", "p6|0x67"] });
  guest.write("p1", "p5|0x67"); // something to audit below
  for (const page of L4S) guest.do({ op: "write", page, index: 511, entry: "base_l3|0x67" });
  guest.home("ro", ...L4S);
  expect(guest.xen.vcpu_initialise(1, guest.frame("p0"))).to.equal(0);
  guest.xen.log.enabled = true;
  guest.xen.log.decisions.length = 0;
  return guest;
}

/** The state without the ledger's counts, those that any return to the guest is to make, and the log of refusals. */
function stateOf({ machine, xen }: TestGuest, ...without: Uint16Array[]): Buffer {
  const { counts } = machine.ledger; // with what was tallied
  const bytes = machine.snapshot();
  const { total, rows } = xen.refusals;
  const apart = [counts, xen.pcpus.lost, total, rows, ...without];
  for (const { byteOffset, byteLength } of apart) bytes.fill(0, byteOffset, byteOffset + byteLength);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** What `act` answers, and the log's last line; nothing else may change. */
function withoutEffect<T>(guest: TestGuest, act: () => T): [answer: T, line: string] {
  const before = stateOf(guest);
  const answer = act();
  expect(stateOf(guest).equals(before), "state before = state after").to.equal(true);
  expect(guest.broken()).to.deep.equal([]);
  return [answer, decisionLine(guest.xen.log.decisions.at(-1)!)];
}

const new_baseptr = (guest: TestGuest, frame: string, vcpu: number) =>
  guest.mmuext("new_baseptr", frame, vcpu);
const new_user_baseptr = (guest: TestGuest, frame: string, vcpu: number) =>
  guest.mmuext("new_user_baseptr", frame, vcpu);

/** A line of the log: who may not install which frame, why, and what to do. */
const line = (place: string, vcpu: number, mfn: string, holder: number, how: string) =>
  `${place}: vcpu ${vcpu}, l4 mfn ${mfn}: vcpu ${holder} has it installed ${how}; ` +
  `use another L4, or load another one on vcpu ${holder} first (-EBUSY)`;

const BASE_L4 = "0x120";
const P1 = "0x131";

describe("An L4 under the exclusive audit", () => {
  it("(a) that is the kernel table of one vCPU is -EBUSY as that of another, by NEW_BASEPTR", () => {
    const guest = auditedGuest();
    expect(withoutEffect(guest, () => new_baseptr(guest, "base_l4", 1))).to.deep.equal([
      EBUSY,
      line("MMUEXT_NEW_BASEPTR", 1, BASE_L4, 0, "as its kernel table"),
    ]);
  });

  it("(a) ... and by an emulated MOV to CR3, which gives the guest #GP and the log the reason", () => {
    const guest = auditedGuest();
    expect(withoutEffect(guest, () => guest.xen.mov_to_cr3(1, guest.frame("base_l4")))).to.deep.equal([
      false,
      line("write_cr", 1, BASE_L4, 0, "as its kernel table"),
    ]);
    expect(guest.xen.mov_to_cr3(1, guest.frame("p1")), "nobody's L4").to.equal(true);
    expect(guest.xen.guest_cr3(1)).to.equal(guest.frame("p1"));
    expect(guest.xen.mov_to_cr3(1, guest.frame("base_l1")), "no L4").to.equal(false);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("(b) that is the kernel table of one vCPU is -EBUSY as the user table of another, and the other way round", () => {
    const guest = auditedGuest();
    expect(withoutEffect(guest, () => new_user_baseptr(guest, "base_l4", 1))).to.deep.equal([
      EBUSY,
      line("MMUEXT_NEW_USER_BASEPTR", 1, BASE_L4, 0, "as its kernel table"),
    ]);
    expect(new_user_baseptr(guest, "p1", 0)).to.equal(0);
    expect(withoutEffect(guest, () => new_baseptr(guest, "p1", 1))).to.deep.equal([
      EBUSY,
      line("MMUEXT_NEW_BASEPTR", 1, P1, 0, "as its user table"),
    ]);
    expect(withoutEffect(guest, () => new_user_baseptr(guest, "p1", 1))[0], "both user tables").to.equal(
      EBUSY,
    );
  });

  it("(c) may be the kernel and the user table of one vCPU, which has it until it has it in neither mode", () => {
    const guest = auditedGuest();
    expect(new_user_baseptr(guest, "base_l4", 0)).to.equal(0);
    expect(withoutEffect(guest, () => new_baseptr(guest, "base_l4", 1))[1]).to.equal(
      line("MMUEXT_NEW_BASEPTR", 1, BASE_L4, 0, "for both modes"),
    );
    expect(new_baseptr(guest, "p1", 0)).to.equal(0);
    expect(withoutEffect(guest, () => new_baseptr(guest, "base_l4", 1))).to.deep.equal([
      EBUSY,
      line("MMUEXT_NEW_BASEPTR", 1, BASE_L4, 0, "as its user table"),
    ]);
    expect(new_user_baseptr(guest, "none", 0)).to.equal(0);
    expect(new_baseptr(guest, "base_l4", 1)).to.equal(0);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("(d) of a blocked vCPU is -EBUSY elsewhere: it is still in that pCPU's %cr3", () => {
    const guest = auditedGuest();
    guest.xen.block(0);
    expect(guest.xen.xen_cr3(0)).to.equal(guest.frame("base_l4"));
    expect(withoutEffect(guest, () => new_baseptr(guest, "base_l4", 1))).to.deep.equal([
      EBUSY,
      line("MMUEXT_NEW_BASEPTR", 1, BASE_L4, 0, "as its kernel table, and is blocked"),
    ]);
  });

  it("(d) of a vCPU that is down is -EBUSY as well, until that one is up and loads another", () => {
    const guest = auditedGuest();
    guest.xen.vcpu_down(1);
    expect(withoutEffect(guest, () => new_baseptr(guest, "p0", 0))[0]).to.equal(EBUSY);
    guest.xen.vcpu_up(1);
    expect([new_baseptr(guest, "p1", 1), new_baseptr(guest, "p0", 0)]).to.deep.equal([0, 0]);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("(e) that is live is -EBUSY for VCPUOP_initialise, as kernel table or user table, and the vCPU stays as it was", () => {
    const guest = auditedGuest();
    const [base_l4, p1] = [guest.frame("base_l4"), guest.frame("p1")];
    const refusal = [EBUSY, line("VCPUOP_initialise", 2, BASE_L4, 0, "as its kernel table")];
    expect(withoutEffect(guest, () => guest.xen.vcpu_initialise(2, base_l4))).to.deep.equal(refusal);
    expect(withoutEffect(guest, () => guest.xen.vcpu_initialise(2, p1, base_l4))).to.deep.equal(refusal);
    expect(guest.xen.vcpu_up(2), "not initialised").to.equal(EINVAL);
    expect(guest.xen.vcpu_initialise(2, p1, p1)).to.equal(0);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("(f) is in no entry of an L4, its own among them: that would show its per-pCPU slots one level down", () => {
    const guest = auditedGuest();
    for (const [l4, mfn] of [
      ["p0", "0x130"],
      ["base_l4", BASE_L4],
    ] as const) {
      expect(withoutEffect(guest, () => guest.set("base_l4", 7, `${l4}|0x25`))).to.deep.equal([
        EINVAL,
        `get_l4_linear_pagetable: l4 mfn ${BASE_L4} to mfn ${mfn}: ` +
          "under an exclusive audit no L4 is used linearly: map its L3s instead (-EINVAL)",
      ]);
    }
  });

  it("(f) ... nor may a table become an L4 that has such an entry; it is in no use afterwards", () => {
    const guest = auditedGuest();
    guest.home("rw", "p2");
    guest.write("p2", "p0|0x25");
    guest.home("ro", "p2");
    expect([guest.pin(4, "p2"), guest.typeCount("p2")]).to.deep.equal([EINVAL, 0]);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("(f) ... but one that is half taken down has none any more for a table that another vCPU makes an L4", () => {
    const guest = auditedGuest({ preempt: 1 });
    guest.home("rw", "p8");
    guest.tables({ p12: [], p9: ["p12|0x67", "p8|0x67"], p10: ["p9|0x67"], p11: ["none|0x0", "p10|0x25"] });
    // p8 is writable: as an L1 it is refused, and with it p9 to p11
    expect(guest.begin(0, { op: "mmuext", ops: [{ cmd: "pin_l4", frame: "p11" }] })).to.equal(true);
    expect(guest.resume(0)).to.equal(undefined);
    expect(guest.xen.vcpus.old_guest_table[0]).to.equal(guest.frame("p11"));
    expect(guest.begin(1, { op: "mmuext", ops: [{ cmd: "pin_l4", frame: "p10" }] })).to.equal(true);
    expect(guest.xen.frames.type[guest.frame("p10")]).to.equal(PGT_l4_page_table);
    expect(guest.broken()).to.deep.equal([]);
    for (const vcpu of [0, 1]) guest.finish(vcpu);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("(f) with linear L4s allowed, one L4 maps the other's Xen slots, as the invariant says", () => {
    const guest = auditedGuest({ rules: withRules({ no_linear_exclusive_l4: false }) });
    expect(guest.set("base_l4", 7, "p0|0x25")).to.equal(0);
    expect(guest.broken()).to.deep.equal(["noExclusiveL4IsLinear"]);
  });

  /** vCPU 0 installs p1; between its look at the owner and its reference, if there is such a moment, vCPU 1 does. */
  function race(guest: TestGuest): { winner: boolean; loser: number; unchanged: boolean } {
    let winner = false;
    let then: Buffer = Buffer.alloc(0);
    const { first, count } = guest.xen.requests; // vCPU 0 is in its hypercall then
    guest.xen.race_window = (where) => {
      if (where !== "get_root_table") return;
      guest.xen.race_window = undefined;
      winner = guest.xen.mov_to_cr3(1, guest.frame("p1"));
      then = stateOf(guest, first, count);
    };
    const loser = new_baseptr(guest, "p1", 0);
    return { winner, loser, unchanged: stateOf(guest, first, count).equals(then) };
  }

  it("(g) that two vCPUs install at once has one winner; for the other it is -EBUSY, as if it had come later", () => {
    const guest = auditedGuest();
    expect(race(guest)).to.deep.equal({ winner: true, loser: EBUSY, unchanged: true });
    expect(decisionLine(guest.xen.log.decisions.at(-1)!)).to.equal(
      line("MMUEXT_NEW_BASEPTR", 0, P1, 1, "as its kernel table"),
    );
    expect(guest.broken()).to.deep.equal([]);
  });

  it("(g) with the owner looked at ahead of the reference, both win", () => {
    const guest = auditedGuest({ rules: withRules({ owner_with_type_ref: false }) });
    expect(race(guest)).to.include({ winner: true, loser: 0 });
    expect([guest.xen.xen_cr3(0), guest.xen.xen_cr3(1)]).to.deep.equal([
      guest.frame("p1"),
      guest.frame("p1"),
    ]);
    expect(guest.broken()).to.include("l4OwnerHasItInstalled");
  });

  const NEW_BASEPTR_P1: Call = { op: "mmuext", ops: [{ cmd: "new_baseptr", frame: "p1" }] };

  it("(h) whose NEW_BASEPTR was preempted belongs to who gets it meanwhile: the restart is -EBUSY", () => {
    const guest = auditedGuest({ preempt: 2 });
    expect(guest.begin(1, NEW_BASEPTR_P1), "preempted").to.equal(true);
    expect(guest.isPartial("p1")).to.equal(true);
    expect(guest.xen.frames.owner_of_l4(guest.frame("p1")), "nobody's yet").to.equal(-1);
    expect(new_baseptr(guest, "p1", 0)).to.equal(0);
    expect(withoutEffect(guest, () => guest.resume(1)!["rc"])).to.deep.equal([
      EBUSY,
      line("MMUEXT_NEW_BASEPTR", 1, P1, 0, "as its kernel table"),
    ]);
    expect(guest.xen.guest_cr3(1), "vCPU 1 stays where it was").to.equal(guest.frame("p0"));
  });

  it("(h) ... and where nobody gets it, the restart installs it", () => {
    const guest = auditedGuest({ preempt: 2 });
    guest.begin(1, NEW_BASEPTR_P1);
    expect(guest.finish(1)["rc"]).to.equal(0);
    expect(guest.xen.frames.owner_of_l4(guest.frame("p1"))).to.equal(1);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("(h) that was left, and whose taking down was preempted, is nobody's: another vCPU may install it meanwhile", () => {
    const guest = auditedGuest({ preempt: 2 });
    new_baseptr(guest, "p1", 0);
    const leave: Call = { op: "mmuext", ops: [{ cmd: "new_baseptr", frame: "base_l4" }] };
    expect(guest.begin(0, leave), "preempted").to.equal(true);
    expect([guest.isPartial("p1"), guest.xen.guest_cr3(0)]).to.deep.equal([true, guest.frame("base_l4")]);
    expect(guest.xen.frames.owner_of_l4(guest.frame("p1"))).to.equal(-1);
    expect(new_baseptr(guest, "p1", 1)).to.equal(0);
    expect(guest.finish(0)["rc"]).to.equal(0);
    expect(guest.xen.frames.owner_of_l4(guest.frame("p1"))).to.equal(1);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("(i) that is unpinned, and pinned again, while it is installed stays its vCPU's", () => {
    const guest = auditedGuest();
    for (const step of [() => guest.unpin("base_l4"), () => guest.pin(4, "base_l4")]) {
      expect(step()).to.equal(0);
      expect(withoutEffect(guest, () => new_baseptr(guest, "base_l4", 1))).to.deep.equal([
        EBUSY,
        line("MMUEXT_NEW_BASEPTR", 1, BASE_L4, 0, "as its kernel table"),
      ]);
    }
  });

  /** p1 is vCPU 0's for a time, then a writable page, then an L4 of vCPU 1's. */
  function reuse(guest: TestGuest): number[] {
    const there = [new_baseptr(guest, "p1", 0), new_baseptr(guest, "base_l4", 0)];
    const [data] = guest.home("rw", "p1");
    expect(guest.xen.frames.type[guest.frame("p1")]).to.equal(PGT_writable_page);
    const [table] = guest.home("ro", "p1");
    return [...there, data!, table!, new_baseptr(guest, "p1", 1)];
  }

  it("(j) leaves no owner behind when it is freed: as data, and later another vCPU's L4, it is accepted", () => {
    const guest = auditedGuest();
    expect(reuse(guest)).to.deep.equal([0, 0, 0, 0, 0]);
    expect(guest.xen.frames.owner_of_l4(guest.frame("p1"))).to.equal(1);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("(j) with a mark that nobody takes off, the next owner is refused for one that has left", () => {
    const guest = auditedGuest({ rules: withRules({ owner_ends_with_installation: false }) });
    expect(reuse(guest)).to.deep.equal([0, 0, 0, 0, EBUSY]);
    expect(guest.broken()).to.include("l4OwnerHasItInstalled");
  });
});

describe("The log of refused installations", () => {
  it("lies in the state: a snapshot has the last 16 of them, and how many there were", () => {
    const guest = auditedGuest();
    for (let n = 0; n < 20; n++) new_baseptr(guest, n % 2 === 0 ? "base_l4" : "p0", n % 2 === 0 ? 1 : 0);
    const { refusals } = guest.xen;
    expect([refusals.total[0], refusals.records().length]).to.deep.equal([20, 16]);
    expect(decisionLine(refusalDecision(refusals.records()[15]!))).to.equal(
      line("MMUEXT_NEW_BASEPTR", 0, "0x130", 1, "as its kernel table"),
    );
    expect(guest.xen.lastRefusal()).to.equal(decisionLine(refusalDecision(refusals.last()!)));
    guest.reset();
    expect(guest.xen.refused()).to.equal(0);
  });

  it("to observe has the refusals, and lets them through: two vCPUs on one L4 then count as they come", () => {
    const guest = new TestGuest({ exclusive: "observe" });
    expect(guest.xen.refused(), "both boot on base_l4").to.equal(1);
    expect(new_user_baseptr(guest, "base_l4", 0)).to.equal(0);
    expect(guest.xen.refused()).to.equal(2);
    expect(guest.xen.xen_cr3(0)).to.equal(guest.xen.xen_cr3(1));
  });
});

describe("Xen's per-pCPU slots in an audited guest's L4", () => {
  const counts = ({ machine }: TestGuest) =>
    (["xen_slot_write", "xen_slot_kept", "l4_copy"] as const).map((event) => machine.ledger.total(event));
  const slot260 = (guest: TestGuest, l4: string) => guest.xen.mem.frame(guest.frame(l4), 260);

  it("are written in place at the installation, and not again while it comes back to that pCPU", () => {
    const guest = auditedGuest();
    guest.machine.ledger.clear();
    new_baseptr(guest, "p1", 0);
    new_user_baseptr(guest, "p2", 0);
    expect(counts(guest)).to.deep.equal([2, 0, 0]);
    new_baseptr(guest, "base_l4", 0);
    new_baseptr(guest, "p2", 0);
    expect(counts(guest)).to.deep.equal([2, 2, 0]);
    expect(slot260(guest, "p2")).to.equal(guest.xen.pcpus.percpu_l3[0]);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("are another pCPU's after it has moved there", () => {
    const guest = auditedGuest();
    new_baseptr(guest, "p2", 0);
    new_baseptr(guest, "base_l4", 0);
    guest.machine.ledger.clear();
    new_baseptr(guest, "p2", 1);
    expect(counts(guest)).to.deep.equal([1, 0, 0]);
    expect(slot260(guest, "p2")).to.equal(guest.xen.pcpus.percpu_l3[1]);
    expect(guest.broken()).to.deep.equal([]);
  });

  it("do not change where the installation is refused", () => {
    const guest = auditedGuest();
    withoutEffect(guest, () => new_baseptr(guest, "base_l4", 1));
    expect(slot260(guest, "base_l4")).to.equal(guest.xen.pcpus.percpu_l3[0]);
  });

  it("are in the root that XPTI runs the guest on, too", () => {
    const { xen } = auditedGuest({ root: "xpti" });
    for (const pcpu of [0, 1]) {
      expect(xen.mem.frame(xen.guest_cr3(pcpu), 260)).to.equal(xen.pcpus.percpu_l3[pcpu]);
      expect(xen.mem.frame(xen.xen_cr3(pcpu), 260)).to.equal(xen.pcpus.percpu_l3[pcpu]);
    }
  });

  it("are the idle table's, the same for all, where nothing is audited", () => {
    const guest = new TestGuest();
    new_baseptr(guest, "base_l4", 1);
    expect([...guest.xen.pcpus.percpu_l3]).to.deep.equal([0, 0]);
    expect(counts(guest)).to.deep.equal([0, 0, 0]);
  });
});
