/** The references of what a kernel maps first, in one piece, are those of any other entry: in each byte of the state. */
import { expect } from "chai";
import fc from "fast-check";
import { OWNER_io } from "../../xen-model/frame-table.js";
import { get_page_from_l1e, has_first_refs, take_first_refs } from "../../xen-model/l1e-refs.js";
import { bootedMachine, PROPOSALS } from "../machine/booted-machine.js";
import { TestGuest, withRules } from "./test-guest.js";

const often = <T>(weight: number, ...values: T[]) => ({ weight, arbitrary: fc.constantFrom(...values) });
/** A row of the frame table, and an entry that maps it. */
const mapping = fc.record({
  frame: fc.oneof(often(8, "p1"), often(1, "p2", "xen:261", "raw:0xa0", "raw:0xffffffffff")),
  type: fc.oneof(often(4, 0), often(1, 1, 5, 7)),
  typeCount: fc.oneof(often(4, 0), often(1, 1)),
  typeFlags: fc.oneof(often(4, 0), often(1, 2, 32)),
  timestamp: fc.oneof(often(4, 0), often(1, 1)),
  flags: fc.oneof(often(6, 0x67, 0x65), often(1, 0x6f, 0x77, 0xe7)),
});

describe("the first references to a frame, in one piece", () => {
  it("are what any entry takes", () => {
    const [fast, plain] = [new TestGuest(), new TestGuest()];
    let taken = 0;
    fc.assert(
      fc.property(mapping, ({ frame, type, typeCount, typeFlags, timestamp, flags }) => {
        const mfn = fast.frame(frame);
        for (const guest of [fast, plain]) {
          guest.reset();
          const { frames } = guest.xen;
          if (frame !== "p1") continue;
          frames.type[mfn] = type;
          frames.typeCount[mfn] = typeCount;
          frames.typeFlags[mfn] = typeFlags;
          frames.tlbflush_timestamp[mfn] = timestamp;
        }
        if (take_first_refs(fast.xen.frames, mfn, flags)) {
          taken++;
          expect(get_page_from_l1e(plain.xen, 0, mfn, flags)).to.equal(0);
        }
        expect(state(fast).equals(state(plain))).to.equal(true);
      }),
      { numRuns: 2000 },
    );
    expect(taken).to.be.above(500);
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
