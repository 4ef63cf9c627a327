/**
 * The flush rule "owner": an edit of an L4 that one vCPU alone has installed flushes that vCPU's pCPU, and no other.
 */
import { expect } from "chai";
import type { XenConfig } from "../../xen-model/xen-config.js";
import { TestGuest, withRules } from "./test-guest.js";

/** vCPU 0 runs on base_l4, vCPU 1 on p0; p1 is a pinned L4 that nobody has installed, p4 an empty L3. */
function guestWith(options: Partial<XenConfig> = {}): TestGuest {
  const guest = new TestGuest({ exclusive: "enforce", flush: "owner", ...options });
  guest.tables({ p4: [] });
  for (const page of ["p0", "p1", "p2"]) {
    guest.do({ op: "write", page, index: 511, entry: "base_l3|0x67" });
    guest.home("ro", page);
  }
  expect([guest.pin(3, "p4"), guest.pin(4, "p1")]).to.deep.equal([0, 0]);
  expect(guest.xen.vcpu_initialise(1, guest.frame("p0"))).to.equal(0);
  guest.machine.ledger.clear();
  return guest;
}

/** pCPUs that have lost their TLB entries in `act`; interrupts that it took: of running vCPUs, of idle pCPUs. */
function flushed(guest: TestGuest, act: () => unknown): [pcpus: number[], ipis: number, idle: number] {
  const { ledger } = guest.machine;
  const { tlbflush_time } = guest.xen.pcpus;
  const before = [...tlbflush_time];
  ledger.clear();
  act();
  expect(guest.broken()).to.deep.equal([]);
  const pcpus = [0, 1].filter((pcpu) => tlbflush_time[pcpu] !== before[pcpu]);
  return [pcpus, ledger.total("ipi_taken"), ledger.total("ipi_taken_idle")];
}

const edit = (guest: TestGuest, l4: string, vcpu: number) => () =>
  expect(guest.set(l4, 7, "p4|0x67", vcpu)).to.equal(0);

describe("An edit of an L4, by the flush rule owner", () => {
  it("flushes the vCPU alone that makes it, if the L4 is its own: its kernel table, or its user table", () => {
    const guest = guestWith();
    guest.mmuext("new_user_baseptr", "p2");
    expect(flushed(guest, edit(guest, "base_l4", 0))).to.deep.equal([[0], 0, 0]);
    expect(flushed(guest, edit(guest, "p2", 0))).to.deep.equal([[0], 0, 0]);
  });

  it("flushes the owner, by interrupt, and not the vCPU that makes it, if the L4 is another's", () => {
    const guest = guestWith();
    expect(flushed(guest, edit(guest, "base_l4", 1))).to.deep.equal([[0], 1, 0]);
  });

  it("flushes the pCPU of a blocked owner too: its tables are still loaded there", () => {
    const guest = guestWith();
    guest.xen.block(0);
    expect(flushed(guest, edit(guest, "base_l4", 1))).to.deep.equal([[0], 0, 1]);
  });

  it("flushes all of the domain if nobody has the L4 installed: who had it last is not known", () => {
    const guest = guestWith();
    expect(flushed(guest, edit(guest, "p1", 0))).to.deep.equal([[0, 1], 1, 0]);
  });

  it("goes to the new owner after the L4 has moved; the old one was flushed as it left", () => {
    const guest = guestWith();
    expect(flushed(guest, () => guest.mmuext("new_baseptr", "p1", 0))).to.deep.equal([[0], 0, 0]);
    expect(flushed(guest, () => guest.mmuext("new_baseptr", "base_l4", 0))).to.deep.equal([[0], 0, 0]);
    guest.mmuext("new_baseptr", "p1", 1);
    expect(flushed(guest, edit(guest, "p1", 1))).to.deep.equal([[1], 0, 0]);
  });

  it("flushes all of the domain if two vCPUs have it, where no audit keeps them from it", () => {
    const guest = new TestGuest({ flush: "owner" });
    guest.tables({ p4: [] });
    guest.pin(3, "p4");
    expect(flushed(guest, edit(guest, "base_l4", 0))).to.deep.equal([[0, 1], 1, 0]);
  });

  it("in one hypercall with edits of others' L4s flushes each owner once", () => {
    const guest = guestWith();
    const updates = ["base_l4", "p0", "base_l4"].map((table, i) => ({
      ...{ cmd: "normal" as const, table, index: 8 + i },
      entry: "p4|0x67",
    }));
    expect(flushed(guest, () => guest.do({ op: "mmu_update", updates }))).to.deep.equal([[0, 1], 1, 0]);
  });
});

/**
 * vCPU 0 has the linear map of slot 7 cached; vCPU 1 edits that slot of vCPU 0's L4, from an L3 with L1 p5 to one with
 * p8.
 */
function editSeenThroughTlb(options: Partial<XenConfig>, blocked: boolean): TestGuest {
  const guest = guestWith({ tlb: { sets: 32, ways: 4 }, ...options });
  guest.tables({ p5: [], p6: ["p5|0x67"], p7: ["p6|0x67"], p8: [], p9: ["p8|0x67"], p10: ["p9|0x67"] });
  guest.pin(3, "p10"); // no type changes at the edit, as that would flush too
  guest.set("base_l4", 7, "p7|0x67");
  const update = (entry: string) => guest.do({ op: "update_va_mapping", va: "0x38000000000", entry });
  update("p11|0x65");
  if (blocked) guest.xen.block(0);
  guest.set("base_l4", 7, "p10|0x67", 1);
  update("p12|0x65");
  return guest;
}

describe("The owner's linear map, after another vCPU's edit of its L4, by the flush rule owner", () => {
  for (const blocked of [false, true]) {
    it(`is what the tables say, the owner ${blocked ? "blocked meanwhile" : "running"}`, () => {
      const guest = editSeenThroughTlb({}, blocked);
      expect(guest.entry("p8", 0)).to.equal("p12|0x165");
      expect(guest.broken()).to.deep.equal([]);
    });
  }

  it("is stale without any flush (XSA-286)", () => {
    const guest = editSeenThroughTlb({ rules: withRules({ flush_linear_pt: false }) }, false);
    expect(guest.broken()).to.deep.equal(["linearMapIsFresh"]);
  });
});

describe("An edit that flushes all of the domain, whatever the rule, is", () => {
  it("one of an L3: it may be below any L4", () => {
    const guest = guestWith();
    expect(flushed(guest, () => guest.set("p4", 3, "none|0x0"))).to.deep.equal([[0, 1], 1, 0]);
  });
});

it("By the flush rule domain, an edit of an exclusively owned L4 flushes all of the domain (XSA-286)", () => {
  const guest = guestWith({ flush: "domain" });
  expect(flushed(guest, edit(guest, "base_l4", 0))).to.deep.equal([[0, 1], 1, 0]);
});
