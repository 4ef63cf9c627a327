/** One more use of a table that is in use, and one less, leave in one piece what the plain forms do, in each byte of the state. */
import { expect } from "chai";
import fc from "fast-check";
import { EINTR } from "../../abi/errno.js";
import {
  get_one_more_use,
  get_page_from_lNe,
  put_one_use,
  put_page_from_lNe,
} from "../../xen-model/page-refs.js";
import { page_lock, page_unlock } from "../../xen-model/page-type.js";
import { guestWithTables } from "./pinned-tables.js";
import type { TestGuest } from "./test-guest.js";

const often = <T>(weight: number, ...values: T[]) => ({ weight, arbitrary: fc.constantFrom(...values) });
const use = fc.record({
  table: fc.constantFrom("p4", "p3", "p2"),
  below: fc.oneof(
    often(6, "p3", "p2", "p1"),
    often(3, "p5"),
    often(1, "p4", "p10", "none", "xen:261", "raw:0xfee00"),
  ),
  flags: fc.oneof(often(8, 0x67), often(1, 0x1, 0xe7)),
  lock: fc.oneof(often(6, false), often(1, true)),
});
const LEVEL: Record<string, number> = { p4: 4, p3: 3, p2: 2 };

describe("an entry of an upper table, whose table below is in use already", () => {
  for (const preempt of [0, 3]) {
    it(`takes a use of it, and gives it back, as any other does${preempt === 0 ? "" : ", if it can be preempted"}`, () => {
      const [fast, plain] = [guestWithTables("shared", preempt), guestWithTables("shared", preempt)];
      const taken = { get: 0, put: 0 };
      fc.assert(
        fc.property(use, ({ table, below, flags, lock }) => {
          const [mfn, of, level] = [fast.frame(below), fast.frame(table), LEVEL[table]!];
          const rcs = [fast, plain].map(({ xen }) => {
            if (xen === fast.xen && get_one_more_use(xen, level, mfn, flags)) return ++taken.get && 0;
            return get_page_from_lNe(xen, 0, level, of, mfn, flags, 0);
          });
          expect(rcs[0]).to.equal(rcs[1]);
          expect(state(fast).equals(state(plain))).to.equal(true);
          if (rcs[0] !== 0) return;
          const locked = lock && [fast, plain].map(({ xen }) => page_lock(xen, mfn))[0]!;
          const puts = [fast, plain].map(({ xen }) => {
            if (xen === fast.xen && put_one_use(xen, of, mfn)) return ++taken.put && 0;
            return put_page_from_lNe(xen, 0, of, mfn, flags, 0);
          });
          expect(puts[0]).to.equal(puts[1]);
          expect(state(fast).equals(state(plain))).to.equal(true);
          for (const { xen } of [fast, plain]) {
            if (locked) page_unlock(xen, mfn);
            if (puts[0] === -EINTR) expect(put_page_from_lNe(xen, 0, of, mfn, flags, 0)).to.equal(0); // it waited for the lock
          }
        }),
        { numRuns: 300 },
      );
      expect(taken.get).to.be.above(30);
      expect(taken.put).to.be.above(30);
    });
  }
});

function state({ machine }: TestGuest): Buffer {
  machine.ledger.settle();
  return Buffer.from(machine.mem.words.buffer);
}
