/** The hypercall of one L1 entry in one piece does what do_mmu_update() does: the same answers, and each byte of the state. */
import { expect } from "chai";
import fc from "fast-check";
import { ERESTART } from "../../abi/errno.js";
import { DOMID_IO, DOMID_SELF } from "../../abi/hypercalls.js";
import { add_mmu_update, push_mmu_update } from "../../abi/mmu-update.js";
import { NOT_PLAIN, update_one_l1e } from "../../xen-model/update-one-l1e.js";
import { guestWithTables } from "./pinned-tables.js";
import type { TestGuest } from "./test-guest.js";

const update = fc.record({
  table: fc.oneof(
    { weight: 20, arbitrary: fc.constant("p1") },
    fc.constantFrom("p2", "p4", "p5", "p9", "xen:261"),
  ),
  slot: fc.constantFrom(0, 1, 2, 511),
  frame: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom("p9", "p10", "p11", "p12") },
    fc.constantFrom(
      "none",
      "p1",
      "p2",
      "p5",
      "xen:261",
      "shared_info",
      "raw:0xa0",
      "raw:0xfee00",
      "raw:0xffffffffff",
    ),
  ),
  flags: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(0x67, 0x65, 0, 0x7, 0x1) }, fc.nat(0xfff)),
  cmd: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.nat(7)),
  domid: fc.oneof({ weight: 12, arbitrary: fc.constant(DOMID_SELF) }, fc.constant(DOMID_IO)),
  vcpu: fc.nat(1),
});

describe("an mmu_update of one L1 entry, in one piece", () => {
  for (const root of ["shared", "xpti"] as const) {
    it(`answers and leaves what the plain form does, with root ${root}`, () => {
      const [fast, plain] = [guestWithTables(root), guestWithTables(root)];
      let taken = 0;
      let refused = 0;
      fc.assert(
        fc.property(fc.array(update, { minLength: 10, maxLength: 30 }), (updates) => {
          for (const { vcpu, ...one } of updates) {
            for (const guest of [fast, plain]) {
              const calls = guest.machine.calls[vcpu]!;
              calls.reset();
              push_mmu_update(calls, one.domid);
              add_mmu_update(
                calls,
                one.cmd,
                guest.frame(one.table),
                one.slot,
                guest.frame(one.frame),
                one.flags,
              );
            }
            const answer = update_one_l1e(fast.xen, vcpu, fast.machine.calls[vcpu]!, 0);
            const rc = answer === NOT_PLAIN ? plainly(fast, vcpu) : answer;
            expect(rc).to.equal(plainly(plain, vcpu));
            if (answer !== NOT_PLAIN) taken++;
            if (answer < 0) refused++;
            expect(fast.machine.calls[vcpu]!.done[0]).to.equal(plain.machine.calls[vcpu]!.done[0]);
            expect(fast.machine.calls[vcpu]!.rc[0]).to.equal(plain.machine.calls[vcpu]!.rc[0]);
          }
          expect(state(fast).equals(state(plain))).to.equal(true);
        }),
        { numRuns: 250 },
      );
      expect(taken).to.be.above(700);
      expect(refused).to.be.above(50);
    });
  }
});

/** The call as do_mmu_update() does it. */
function plainly({ xen, machine }: TestGuest, vcpu: number): number {
  const calls = machine.calls[vcpu]!;
  let rc = xen.begin_hypercall(vcpu, calls, 0);
  while (rc === -ERESTART) rc = xen.resume_hypercall(vcpu, calls, 0);
  return rc;
}

function state({ machine }: TestGuest): Buffer {
  machine.ledger.settle();
  return Buffer.from(machine.mem.words.buffer);
}
