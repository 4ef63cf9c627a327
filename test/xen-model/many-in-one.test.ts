/** Many mmu_updates of one L1 entry in one piece leave what they leave one by one: the answers, and each byte of the state. */
import { expect } from "chai";
import fc from "fast-check";
import { EntryRun, push_normal_update } from "../../abi/mmu-update.js";
import { guestWithTables } from "./pinned-tables.js";
import type { TestGuest } from "./test-guest.js";

const often = <T>(weight: number, ...values: T[]) => ({ weight, arbitrary: fc.constantFrom(...values) });
const frame = fc.oneof(
  often(30, "p9", "p10", "p11", "p12"),
  often(1, "none", "p1", "p2", "xen:261", "shared_info", "raw:0xa0", "raw:0xfee00"),
);
const calls = fc.record({
  table: fc.oneof(often(20, "p1"), often(1, "p2", "p4", "p5", "p9", "xen:261")),
  slots: fc.uniqueArray(fc.integer({ min: 1, max: 511 }), { minLength: 3, maxLength: 16 }),
  frames: fc.array(frame, { minLength: 16, maxLength: 16 }),
  flags: fc.oneof(often(10, 0x65, 0x25, 0x1), often(2, 0x67, 0, 0x11), {
    weight: 1,
    arbitrary: fc.nat(0xfff),
  }),
  vcpu: fc.nat(1),
});

describe("mmu_updates of one L1 entry in a row, in one piece", () => {
  for (const root of ["shared", "xpti", "xpti-copy-always"] as const) {
    it(`leave what they leave one by one, with root ${root}`, () => {
      const [fast, plain] = [guestWithTables(root), guestWithTables(root)];
      let taken = 0;
      let left = 0;
      fc.assert(
        fc.property(calls, ({ table, slots, frames, flags, vcpu }) => {
          const run = new EntryRun();
          slots.forEach((slot, i) => run.add(slot, fast.frame(frames[i]!)));
          const last = run.n - 1;
          const mfn = fast.frame(table);
          if (fast.xen.update_l1es(vcpu, mfn, run, 0, run.n, flags)) {
            taken++;
            request(fast, vcpu, mfn, run, last, flags).done[0] = 1; // as Linux leaves its buffer
          } else {
            left++;
            for (let i = 0; i <= last; i++) call(fast, vcpu, mfn, run, i, flags);
          }
          for (let i = 0; i <= last; i++) call(plain, vcpu, mfn, run, i, flags);
          expect(state(fast).equals(state(plain))).to.equal(true);
          for (const slot of slots) for (const guest of [fast, plain]) guest.set("p1", slot, "none|0x0");
        }),
        { numRuns: 300 },
      );
      expect(taken).to.be.above(30);
      expect(left).to.be.above(30);
    });
  }
});

/** Request `i` as a hypercall of its own. */
function call(guest: TestGuest, vcpu: number, table: number, run: EntryRun, i: number, flags: number): void {
  guest.xen.hypercall(vcpu, request(guest, vcpu, table, run, i, flags), 0);
}

function request(guest: TestGuest, vcpu: number, table: number, run: EntryRun, i: number, flags: number) {
  const buffer = guest.machine.calls[vcpu]!;
  push_normal_update(buffer, table, run.slot[i]!, run.frame[i]!, flags);
  return buffer;
}

function state({ machine }: TestGuest): Buffer {
  machine.ledger.settle();
  return Buffer.from(machine.mem.words.buffer);
}
