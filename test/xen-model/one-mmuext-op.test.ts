/** An mmuext_op of one op that nothing can interrupt leaves in one piece what its steps leave: the answers, and each byte of the state. */
import { expect } from "chai";
import fc from "fast-check";
import { ERESTART } from "../../abi/errno.js";
import { DOMID_IO, DOMID_SELF } from "../../abi/hypercalls.js";
import {
  add_mmuext_op,
  MMUEXT_INVLPG_LOCAL,
  MMUEXT_PIN_L1_TABLE,
  MMUEXT_PIN_L2_TABLE,
  MMUEXT_TLB_FLUSH_ALL,
  MMUEXT_TLB_FLUSH_LOCAL,
  MMUEXT_UNPIN_TABLE,
  push_mmuext_op,
} from "../../abi/mmuext-op.js";
import { PGT_l1_page_table } from "../../xen-model/frame-table.js";
import { get_page_and_type_from_mfn, page_lock, set_old_guest_table } from "../../xen-model/page-type.js";
import { guestWithTables } from "./pinned-tables.js";
import type { TestGuest } from "./test-guest.js";

const often = <T>(weight: number, ...values: T[]) => ({ weight, arbitrary: fc.constantFrom(...values) });
const call = fc.record({
  cmd: fc.oneof(
    often(8, MMUEXT_PIN_L1_TABLE, MMUEXT_UNPIN_TABLE),
    often(4, MMUEXT_TLB_FLUSH_LOCAL, MMUEXT_INVLPG_LOCAL),
    often(1, MMUEXT_PIN_L2_TABLE, MMUEXT_TLB_FLUSH_ALL, 14),
  ),
  page: fc.oneof(often(12, "p1", "p5", "p6"), often(1, "p2", "p10", "none", "xen:261", "raw:0xfee00")),
  va: fc.constantFrom(0, 0x1234, 2 ** 35, 0xffff888000000, 0x800000000000),
  domid: fc.oneof(often(20, DOMID_SELF), often(1, DOMID_IO)),
  ops: fc.oneof(often(12, 1), often(1, 0, 2)),
  vcpu: fc.nat(1),
});
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

describe("an mmuext_op of one flush, or one pin of an L1, in one piece", () => {
  for (const root of ["shared", "xpti"] as const) {
    it(`answers and leaves what its steps do, with root ${root}`, () => {
      const [fast, plain] = [guest(root), guest(root)];
      fc.assert(
        fc.property(fc.array(call, { minLength: 10, maxLength: 20 }), (calls) => {
          for (const one of calls) expect(make(fast, one, true)).to.deep.equal(make(plain, one, false));
          expect(state(fast).equals(state(plain))).to.equal(true);
        }),
        { numRuns: 60 },
      );
      for (const event of ["table_pinned", "table_unpinned", "invlpg_op", "tlb_flush_op"] as const)
        expect(fast.machine.ledger.total(event), event).to.be.above(30);
      expect(fast.broken()).to.deep.equal([]);
    });
  }

  it("leaves the unpin of an L1 that is locked to the steps, as its last use waits (XSA-242)", () => {
    const [fast, plain] = [guestWithTables("shared"), guestWithTables("shared")];
    for (const one of [fast, plain]) {
      one.pin(1, "p5");
      expect(page_lock(one.xen, one.frame("p5"))).to.equal(true);
      queue(one, { cmd: MMUEXT_UNPIN_TABLE, page: "p5", va: 0, domid: DOMID_SELF, ops: 1, vcpu: 0 });
    }
    expect(begin(fast, 0, true)).to.deep.equal(begin(plain, 0, false));
    expect(state(fast).equals(state(plain))).to.equal(true);
    expect(fast.xen.vcpus.old_guest_table[0]).to.equal(fast.frame("p5"));
  });

  it("leaves a call to the steps where an old table is still to be taken down, which goes first", () => {
    const [fast, plain] = [guestWithTables("shared"), guestWithTables("shared")];
    for (const one of [fast, plain]) {
      const old = one.frame("p1");
      expect(get_page_and_type_from_mfn(one.xen, 0, old, PGT_l1_page_table, 0)).to.equal(0);
      set_old_guest_table(one.xen, 0, old, -1, false);
      queue(one, { cmd: MMUEXT_TLB_FLUSH_LOCAL, page: "none", va: 0, domid: DOMID_SELF, ops: 1, vcpu: 0 });
    }
    expect(begin(fast, 0, true)).to.deep.equal(begin(plain, 0, false));
    expect(state(fast).equals(state(plain))).to.equal(true);
    expect(fast.xen.vcpus.old_guest_table[0]).to.equal(0);
  });
});

/** p5 and p6 are L1s that nobody uses; p6 has an entry that does not pass. */
function guest(root: "shared" | "xpti"): TestGuest {
  const made = guestWithTables(root);
  made.tables({ p6: ["p10|0x65", "xen:261|0x65"] });
  return made;
}

/** Make the call; its answers. */
function make(guest: TestGuest, call: Call, inPlace: boolean): number[] {
  queue(guest, call);
  let answers = begin(guest, call.vcpu, inPlace);
  while (answers[0] === -ERESTART) {
    const { xen, machine } = guest;
    answers = [xen.resume_hypercall(call.vcpu, machine.calls[call.vcpu]!, 0, inPlace), ...answers.slice(1)];
  }
  return answers;
}

function queue({ machine }: TestGuest, { cmd, page, va, domid, ops, vcpu }: Call): void {
  const calls = machine.calls[vcpu]!;
  calls.reset();
  push_mmuext_op(calls, domid);
  for (let i = 0; i < ops; i++) add_mmuext_op(calls, cmd, machine.frameOf(page), va);
}

/** The first entry into the call: what it answers, and what is in its row then. `inPlace`: nobody looks between two entries. */
function begin({ xen, machine }: TestGuest, vcpu: number, inPlace: boolean): number[] {
  const calls = machine.calls[vcpu]!;
  const rc = xen.begin_hypercall(vcpu, calls, 0, inPlace);
  return [rc, calls.rc[0]!, calls.done[0]!, calls.first[0]!, calls.count[0]!];
}

function state({ machine }: TestGuest): Buffer {
  machine.ledger.settle();
  return Buffer.from(machine.mem.words.buffer);
}
