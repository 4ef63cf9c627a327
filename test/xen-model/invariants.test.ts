/** Each invariant notices a broken line of the audit; those that the advisories' tests break are not repeated here. */
import { expect } from "chai";
import type { AuditRules } from "../../xen-model/audit-rules.js";
import { brokenInvariants, INVARIANTS } from "../../xen-model/invariants.js";
import { TestGuest, withRules } from "./test-guest.js";

interface Mutant {
  readonly invariant: keyof typeof INVARIANTS;
  readonly what: string;
  readonly rules: Partial<AuditRules>;
  readonly preempt?: number;
  readonly exclusive?: boolean;
  readonly act: (guest: TestGuest) => void;
}

const L2_AND_L1 = { p1: [], p2: [], p0: ["p1|0x67"] };

const MUTANTS: Mutant[] = [
  {
    invariant: "writableMapsOnlyWritableFrames",
    what: "a writable mapping takes no type reference",
    rules: { writable_takes_type: false },
    act: (guest) => {
      guest.tables({ p0: [] });
      guest.pin(1, "p0");
      guest.set("base_l1", 0, "p0|0x67");
    },
  },
  {
    invariant: "entriesPointToTheLevelBelow",
    what: "the fast path takes another frame",
    rules: { fastpath_keeps_frame: false },
    act: (guest) => {
      guest.tables(L2_AND_L1);
      guest.pin(2, "p0");
      guest.set("p0", 0, "p9|0x67");
    },
  },
  {
    invariant: "entriesAreTheGuests",
    what: "an L2 entry is written as the guest has it",
    rules: { adjust_entries: false },
    act: (guest) => {
      guest.tables(L2_AND_L1);
      guest.pin(2, "p0");
      guest.set("p0", 1, "p2|0x63");
    },
  },
  {
    invariant: "xenSlotsAreXens",
    what: "an update may write to any slot of an L4",
    rules: { xen_slots_are_closed: false },
    act: (guest) => {
      guest.set("base_l4", 262, "none|0x0");
    },
  },
  {
    invariant: "installedL4HasItsPcpusSlots",
    what: "an L4 keeps the Xen slots that it was promoted with",
    rules: { percpu_slots_follow_owner: false },
    exclusive: true,
    act: (guest) => guest.mmuext("new_user_baseptr", "base_l4"),
  },
  {
    invariant: "pinnedIsInUse",
    what: "a pin drops its references",
    rules: { pin_holds_refs: false },
    act: (guest) => {
      guest.tables({ p0: [] });
      guest.pin(1, "p0");
    },
  },
  {
    invariant: "loadedTablesAreAudited",
    what: "any frame may be the user table",
    rules: { user_table_is_audited: false },
    act: (guest) => guest.mmuext("new_user_baseptr", "p0"),
  },
  {
    invariant: "partialOwnsItsReference",
    what: "a resumed audit takes a second type reference",
    rules: { resume_takes_over_ref: false },
    preempt: 1,
    act: (guest) => {
      guest.tables(L2_AND_L1);
      guest.begin(0, { op: "mmuext", ops: [{ cmd: "pin_l2", frame: "p0" }] });
      guest.resume(0);
    },
  },
  {
    invariant: "nothingStaysLocked",
    what: "a refused update leaves its table locked",
    rules: { unlock_on_error: false },
    act: (guest) => {
      guest.tables(L2_AND_L1);
      guest.pin(2, "p0");
      guest.set("p0", 0, "p9|0x67");
    },
  },
];

/** Broken by the test of an advisory, or of a proposal's rule. */
const ELSEWHERE: Record<string, string> = {
  typeCountIsSumOfReferences: "XSA-310",
  countIsSumOfReferences: "XSA-58",
  linearMappingsAreReadOnly: "XSA-182",
  upperEntriesHaveAllowedFlags: "XSA-148",
  linearCountIsRight: "XSA-309",
  linearUseIsOneLevelDeep: "XSA-240",
  usedMeansAudited: "XSA-242",
  noStaleWritableTranslation: "XSA-401",
  linearMapIsFresh: "XSA-286",
  tablesAreCoherent: "XSA-402",
  xenTakesNoFault: "XSA-279",
  hypercallsRunOnKernelTables: "XSA-213",
  workIsPreemptible: "XSA-45",
  l4OwnerHasItInstalled: "exclusive-l4.test.ts",
  noExclusiveL4IsLinear: "exclusive-l4.test.ts",
  vcpuRootShowsItsL4: "root/vcpu-root.test.ts",
};

describe("The invariant", () => {
  for (const { invariant, what, rules, preempt = 0, exclusive = false, act } of MUTANTS) {
    const options = { preempt, exclusive: exclusive ? ("enforce" as const) : ("off" as const) };
    it(`${invariant} holds of Xen, and not where ${what}`, () => {
      const right = new TestGuest(options);
      act(right);
      expect(right.broken()).to.deep.equal([]);
      const wrong = new TestGuest({ ...options, rules: withRules(rules) });
      act(wrong);
      expect(wrong.broken()).to.include(invariant);
    });
  }

  it("each of them is broken by a test, here or in one that is named here", () => {
    const tested = [...MUTANTS.map((m) => m.invariant), ...Object.keys(ELSEWHERE)];
    expect(tested.sort()).to.deep.equal(Object.keys(INVARIANTS).sort());
  });

  it("says where it is broken", () => {
    const guest = new TestGuest();
    guest.xen.frames.typeCount[guest.frame("p7")]!++;
    expect(brokenInvariants(guest.xen)).to.deep.equal([
      "typeCountIsSumOfReferences: mfn 0x137 (writable): type count 2, uses 1",
    ]);
  });
});
