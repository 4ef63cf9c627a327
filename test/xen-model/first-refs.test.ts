/** The references of what a kernel maps first, in one piece, are those of any other entry: in each byte of the state. */
import { expect } from "chai";
import fc from "fast-check";
import { OWNER_io } from "../../xen-model/frame-table.js";
import { get_page_from_l1e, has_first_refs, take_first_refs } from "../../xen-model/l1e-refs.js";
import { bootedMachine, PROPOSALS } from "../machine/booted-machine.js";
import { TestGuest, withRules } from "./test-guest.js";

const often = <T>(weight: number, ...values: T[]) => ({ weight, arbitrary: fc.constantFrom(...values) });
/** An entry: how far its frame is behind the one of the entry before, its flags, and the frame's row of the frame table. */
const entry = fc.record({
  further: fc.oneof(often(9, 1), often(1, 0, 2)),
  flags: fc.oneof(often(9, 0x67), often(1, 0x65, 0x6f, 0x77, 0xe7)),
  type: fc.oneof(often(19, 0), often(1, 1, 5, 7)),
  typeCount: fc.oneof(often(19, 0), often(1, 1)),
  typeFlags: fc.oneof(often(19, 0), often(1, 2, 32)),
  timestamp: fc.oneof(often(19, 0), often(1, 1)),
});
const first = fc.oneof(often(8, "p1"), often(1, "p22", "xen:287", "raw:0xa0", "far:p1", "raw:0xffffffffff"));

describe("the first references to frames, in one piece", () => {
  it("are what any entry takes, for as many as are in a row", () => {
    const [fast, plain] = [new TestGuest(), new TestGuest()];
    const table = fast.frame("p20");
    const taken = { one: 0, several: 0, none: 0 };
    fc.assert(
      fc.property(
        first,
        fc.array(entry, { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        (name, entries, atEnd) => {
          const slot = atEnd ? 512 - entries.length : 7;
          // a frame that has the low 32 bits of one that there is
          let mfn = name.startsWith("far:") ? fast.frame(name.slice(4)) + 2 ** 32 : fast.frame(name);
          const mfns = entries.map(({ further }, i) => (mfn += i === 0 ? 0 : further));
          for (const guest of [fast, plain]) {
            guest.reset();
            const { frames, mem } = guest.xen;
            entries.forEach(({ flags, ...row }, i) => {
              mem.set(table, slot + i, mfns[i]!, flags);
              if (!name.startsWith("p") || !frames.mfn_valid(mfns[i]!)) return;
              frames.type[mfns[i]!] = row.type;
              frames.typeCount[mfns[i]!] = row.typeCount;
              frames.typeFlags[mfns[i]!] = row.typeFlags;
              frames.tlbflush_timestamp[mfns[i]!] = row.timestamp;
            });
          }
          const nr = take_first_refs(fast.xen, table, slot);
          taken[nr === 0 ? "none" : nr === 1 ? "one" : "several"]++;
          for (let i = 0; i < nr; i++)
            expect(get_page_from_l1e(plain.xen, 0, mfns[i]!, entries[i]!.flags)).to.equal(0);
          expect(state(fast).equals(state(plain))).to.equal(true);
        },
      ),
      { numRuns: 2000 },
    );
    expect(Math.min(taken.none, taken.one)).to.be.above(100);
    expect(taken.several).to.be.above(500);
  });

  it("are taken so of a frame that the guest writes to elsewhere, where it is only to be read", () => {
    const guest = new TestGuest();
    const table = guest.frame("p20");
    guest.xen.mem.set(table, 0, guest.frame("p1"), 0x65);
    expect(guest.typeCount("p1")).to.equal(1); // at home
    expect(take_first_refs(guest.xen, table, 0)).to.equal(1);
  });

  it("are not taken so for another, by rules that are not Xen's, where somebody looks, or in a shim, which has no clock", () => {
    const { xen } = new TestGuest();
    expect(has_first_refs(xen)).to.equal(true);
    expect(has_first_refs(bootedMachine("shim").xen)).to.equal(false);
    expect(has_first_refs(bootedMachine("shim").host)).to.equal(true);
    expect(has_first_refs(new TestGuest({ rules: withRules({}) }).xen)).to.equal(false);
    xen.pg_owner = OWNER_io;
    expect(has_first_refs(xen)).to.equal(false);
    const watched = new TestGuest().xen;
    watched.race_window = () => undefined;
    expect(has_first_refs(watched)).to.equal(false);
  });

  for (const name of PROPOSALS) {
    it(`leave ${name} booted as the plain form does`, () => {
      const plain = bootedMachine(name, { rules: withRules({}) });
      expect(bootedMachine(name).equals(plain)).to.equal(true);
    });
  }
});

function state({ machine }: TestGuest): Buffer {
  machine.ledger.settle();
  return Buffer.from(machine.mem.words.buffer);
}
