/** An mmu_update of L4 entries, each in one piece, does what mod_lN_entry() does: the same answers, and each byte of the state. */
import { expect } from "chai";
import fc from "fast-check";
import { add_mmu_update, push_mmu_update } from "../../abi/mmu-update.js";
import type { XenConfig } from "../../xen-model/xen-config.js";
import { TestGuest } from "./test-guest.js";

/** p0..p2 are pinned L4s, p10..p12 L3s in use, and p13 is an L3 that nobody uses yet. */
const L4S = ["p0", "p1", "p2"];

const often = <T>(weight: number, ...values: T[]) => ({ weight, arbitrary: fc.constantFrom(...values) });
const update = fc.record({
  table: fc.oneof(often(20, ...L4S), often(1, "base_l4", "p3", "p10", "p20", "raw:0xfee00")),
  slot: fc.oneof(often(20, 0, 1, 2, 255), often(1, 256, 271, 272, 510)),
  frame: fc.oneof(often(20, "p10", "p11", "p12"), often(1, "p13", "p0", "p20", "none", "raw:0xfee00")),
  flags: fc.oneof(often(12, 0x67, 0x7, 0), often(1, 0x65, 0x87, 0x66, 0x800067)),
  cmd: fc.oneof(often(20, 0), often(1, 1, 2, 3)),
});
const call = fc.record({ updates: fc.array(update, { minLength: 1, maxLength: 8 }), vcpu: fc.nat(1) });

const CONFIGS: Record<string, Partial<XenConfig>> = {
  shared: { root: "shared" },
  xpti: { root: "xpti" },
  "vcpu-root": { root: "vcpu-root" },
  "flushes of the owner alone": { root: "shared", exclusive: "observe", flush: "owner" },
};

describe("an mmu_update of L4 entries, each in one piece", () => {
  for (const [name, config] of Object.entries(CONFIGS)) {
    it(`answers and leaves what the plain form does, with ${name}`, () => {
      const [fast, plain] = [guest(config), guest(config)];
      plain.xen.race_window = () => undefined; // nobody there, but each step is taken
      fc.assert(
        fc.property(fc.array(call, { minLength: 5, maxLength: 15 }), (calls) => {
          for (const { vcpu, updates } of calls) {
            const [rc, expected] = [fast, plain].map((guest) => make(guest, vcpu, updates));
            expect(rc).to.deep.equal(expected);
          }
          expect(state(fast).equals(state(plain))).to.equal(true);
        }),
        { numRuns: 60 },
      );
      for (const event of ["l4e_set", "l4e_changed", "l4e_cleared", "continuation"] as const)
        expect(fast.machine.ledger.total(event), event).to.be.above(50);
      expect(fast.broken()).to.deep.equal([]);
    });
  }
});

function guest(config: Partial<XenConfig>): TestGuest {
  const made = new TestGuest(config);
  made.tables({ p16: [], p15: ["p16|0x67"], p13: ["p15|0x67"] });
  for (const page of ["p10", "p11", "p12"]) made.write(page, "p15|0x67");
  for (const page of L4S) made.do({ op: "write", page, index: 511, entry: "base_l3|0x67" });
  made.home("ro", "p10", "p11", "p12", ...L4S);
  for (const page of ["p10", "p11", "p12"]) expect(made.pin(3, page)).to.equal(0);
  for (const page of L4S) expect(made.pin(4, page)).to.equal(0);
  expect(made.mmuext("new_baseptr", "p0", 1)).to.equal(0); // one owner, to be flushed alone
  return made;
}

type Update = typeof update extends fc.Arbitrary<infer T> ? T : never;

/** The call's result, and how many of its requests succeeded. */
function make({ xen, machine }: TestGuest, vcpu: number, updates: readonly Update[]): number[] {
  const calls = machine.calls[vcpu]!;
  calls.reset();
  push_mmu_update(calls);
  for (const { cmd, table, slot, frame, flags } of updates)
    add_mmu_update(calls, cmd, machine.frameOf(table), slot, machine.frameOf(frame), flags);
  return [xen.hypercall(vcpu, calls, 0), calls.done[0]!];
}

function state({ machine }: TestGuest): Buffer {
  machine.ledger.settle();
  return Buffer.from(machine.mem.words.buffer);
}
