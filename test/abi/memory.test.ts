import { expect } from "chai";
import fc from "fast-check";
import { PtMemory } from "../../abi/memory.js";
import { State } from "../../abi/state.js";
import { mfn } from "../../abi/frames.js";

function memory() {
  const geometry = { nrFrames: 16, nrTables: 4, ptes: 512 };
  return new PtMemory(new State(PtMemory.bytes(geometry)), geometry);
}

describe("PtMemory", () => {
  it("keeps all 64 bits of an entry: 40 of the frame, 24 of the flags", () => {
    const m = memory();
    fc.assert(
      fc.property(
        fc.nat(3),
        fc.nat(511),
        fc.integer({ min: 0, max: 2 ** 40 - 1 }),
        fc.nat(0xffffff),
        (t, s, f, fl) => {
          m.set(t, s, f, fl);
          expect([m.frame(t, s), m.flags(t, s)]).to.deep.equal([f, fl]);
        },
      ),
    );
  });

  it("reads a frame without contents as zero, and drops stores to it", () => {
    const m = memory();
    m.set(4, 0, 7, 0x67);
    expect([m.frame(4, 0), m.flags(4, 0)]).to.deep.equal([0, 0]);
  });

  it("finds the entries with flags of a table, upwards and downwards, as a look at each does", () => {
    const m = memory();
    const slot = fc.nat(511);
    fc.assert(
      fc.property(fc.uniqueArray(slot, { maxLength: 20 }), slot, slot, (used, from, last) => {
        m.clear_page(mfn(1));
        m.set(0, 511, 1, 0x67);
        m.set(2, 0, 1, 0x67);
        for (const s of used) m.set(1, s, 0, 0x100);
        const up = used.filter((s) => s >= from);
        const down = used.filter((s) => s <= from);
        expect(m.next_used(1, from)).to.equal(Math.min(512, ...up));
        if (last >= from) expect(m.next_used(1, from, last)).to.equal(Math.min(last, ...up));
        expect(m.last_used(1, from)).to.equal(Math.max(-1, ...down));
      }),
    );
    expect(m.next_used(1, 512)).to.equal(512);
  });

  it("copies and clears whole frames only", () => {
    const m = memory();
    m.set(1, 511, 9, 0x67);
    m.set(2, 0, 8, 0x67);
    m.copy_page(mfn(2), mfn(1));
    expect([m.frame(2, 0), m.frame(2, 511), m.frame(3, 0)]).to.deep.equal([0, 9, 0]);
    m.clear_page(mfn(1));
    expect([m.frame(1, 511), m.frame(2, 511)]).to.deep.equal([0, 9]);
  });
});
