/** update_va_mapping, and stores to L1s that are mapped read-only (facts/xen.md 1.8, 1.10). */
import { expect } from "chai";
import fc from "fast-check";
import { NO_ENTRY } from "../../xen-model/hw/walk.js";
import { guestWithTables } from "./pinned-tables.js";
import { TestGuest } from "./test-guest.js";

/** An address in Xen's slots. */
const XENS = "0xffff820000000000";
/** Home of p3, but for the bits that make it canonical. */
const NOT_CANONICAL = "0x0000ffff80403000";
/** 511/510/9/2, where the guest has put base_l2 in the place of an L1. */
const LINEAR = "0xffffffff81202000";

const EBUSY = -16;
const EINVAL = -22;

describe("update_va_mapping (facts/xen.md 1.8)", () => {
  const rows: [string, string, string, number][] = [
    ["a home address", "p3+0x0", "p3|0x65", 0],
    ["an address without an L1", "0x1000", "none|0x0", EINVAL],
    ["an address of Xen's", "0xffff820000000000", "none|0x0", EINVAL],
    ["an address that is not canonical", "0x8000000000000000", "none|0x0", EINVAL],
    ["a home address, to map a table writable", "p3+0x0", "base_l1|0x67", EBUSY],
  ];
  for (const [what, va, entry, rc] of rows) {
    it(`at ${what} is ${rc}`, () => {
      const guest = new TestGuest();
      expect(guest.do({ op: "update_va_mapping", va, entry })["rc"]).to.equal(rc);
      expect(guest.broken()).to.deep.equal([]);
    });
  }

  it("through a linear L2, where the L1 of an address is an L2, is -EINVAL", () => {
    const guest = new TestGuest();
    guest.set("base_l2", 9, "base_l2|0x25");
    // 511/510/9/2: the "L1" is base_l2 itself
    expect(guest.do({ op: "update_va_mapping", va: "0xffffffff81202000", entry: "p0|0x65" })["rc"]).to.equal(
      EINVAL,
    );
    expect(guest.broken()).to.deep.equal([]);
  });

  for (const flush of [
    "none",
    "tlb_local",
    "tlb_all",
    "tlb_multi",
    "invlpg_local",
    "invlpg_all",
    "invlpg_multi",
  ] as const) {
    it(`with flush ${flush} of a mask beyond the vCPUs is 0`, () => {
      const guest = new TestGuest();
      expect(
        guest.do({ op: "update_va_mapping", va: "p3+0x0", entry: "none|0x0", flush, mask: 0xff })["rc"],
      ).to.equal(0);
    });
  }
});

describe("update_va_mapping whose tables have been walked before", () => {
  const often = <T>(weight: number, ...values: T[]) => ({ weight, arbitrary: fc.constantFrom(...values) });
  const page = fc.constantFrom(...Array.from({ length: 16 }, (_, i) => `p${i}`));
  const update = fc.record({
    va: fc.oneof(
      { weight: 20, arbitrary: page.map((p) => `${p}+0x0`) },
      often(1, "0x1000", XENS, NOT_CANONICAL, LINEAR),
    ),
    frame: fc.oneof({ weight: 20, arbitrary: page }, often(4, "base_l1", "base_l2", "none", "xen:261")),
    flags: fc.oneof(often(8, 0x67, 0x65, 0), { weight: 1, arbitrary: fc.nat(0xfff) }),
    vcpu: fc.nat(1),
  });

  for (const root of ["shared", "xpti"] as const) {
    it(`answers and leaves what another does, with root ${root}`, () => {
      const [fast, plain] = [guestWithTables(root), guestWithTables(root)];
      plain.xen.processor.used_l1e = () => NO_ENTRY;
      for (const guest of [fast, plain]) guest.set("base_l2", 9, "base_l2|0x25");
      const answers = new Map<number, number>();
      fc.assert(
        fc.property(fc.array(update, { minLength: 10, maxLength: 30 }), (updates) => {
          for (const { vcpu, va, frame, flags } of updates) {
            const entry = `${frame}|0x${flags.toString(16)}`;
            const [rc, expected] = [fast, plain].map((guest) =>
              Number(guest.do({ op: "update_va_mapping", vcpu, va, entry })["rc"]),
            );
            expect(rc).to.equal(expected);
            answers.set(rc!, (answers.get(rc!) ?? 0) + 1);
          }
          expect(state(fast).equals(state(plain))).to.equal(true);
        }),
        { numRuns: 100 },
      );
      for (const rc of [0, EINVAL, EBUSY]) expect(answers.get(rc), String(rc)).to.be.above(50);
    });
  }
});

function state({ machine }: TestGuest): Buffer {
  machine.ledger.settle();
  return Buffer.from(machine.mem.words.buffer);
}

describe("A store to an L1 that is mapped read-only (facts/xen.md 1.10)", () => {
  function store(level: number, entry: string): unknown {
    const guest = new TestGuest();
    guest.tables({ p10: [], p1: level === 1 ? [] : ["p10|0x67"] });
    if (level === 2) guest.set("p1", 0, "none|0x0");
    guest.pin(level, "p1");
    const result = guest.do({ op: "write", page: "p1", index: 7, entry });
    expect(guest.broken()).to.deep.equal([]);
    return result["ok"] ?? result["fault"];
  }
  const fault = { vector: 14, error: "0x3", cr2: "0xffffffff80401038" };

  it("is audited and done", () => expect(store(1, "p10|0x65")).to.equal(true));
  it("is a page fault if the audit refuses the entry", () =>
    expect(store(1, "p1|0x67")).to.deep.equal(fault));
  it("is a page fault if the table is no L1", () => expect(store(2, "none|0x0")).to.deep.equal(fault));

  it("is done as a whole, or not: an unaligned one is a page fault", () => {
    const guest = new TestGuest();
    guest.tables({ p1: [] });
    guest.pin(1, "p1");
    const result = guest.do({ op: "probe_write", va: "p1+0x3c", entry: "none|0x0" });
    expect(result["fault"]).to.deep.include({ vector: 14, error: "0x3" });
  });

  it("of a user-mode program is a page fault with the user bit", () => {
    const guest = new TestGuest();
    guest.tables({ p1: [] });
    guest.pin(1, "p1");
    guest.mmuext("new_user_baseptr", "base_l4");
    const result = guest.do({ op: "probe_write", va: "p1+0x38", mode: "user" });
    expect(result["fault"]).to.deep.include({ vector: 14, error: "0x7" });
  });
});
