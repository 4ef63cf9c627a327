import { expect } from "chai";
import fc from "fast-check";
import { mfn, vpn } from "../../../abi/frames.js";
import { PtMemory } from "../../../abi/memory.js";
import { State } from "../../../abi/state.js";
import { _PAGE_NX, PAGE_FRAME_HI_MASK } from "../../../abi/page.js";
import { WalkControl, type Access } from "../../../xen-model/hw/control.js";
import { walk, walk_any, Walk, WALK_OK } from "../../../xen-model/hw/walk.js";

const NR_TABLES = 6;
const GEOMETRY = { nrFrames: 1 << 20, nrTables: NR_TABLES, ptes: 512 };
/** So few slots that most walks meet an entry. */
const SLOTS = [0, 1, 255, 511];

const slot = fc.constantFrom(...SLOTS);
/** Most entries lead to a table and permit everything; any bit of some is wrong. */
const entry = fc.record({
  table: fc.nat(NR_TABLES - 1),
  slot,
  frame: fc.oneof({ weight: 30, arbitrary: fc.nat(NR_TABLES - 1) }, fc.nat(2 ** 32 - 1)),
  flags: fc.oneof(
    { weight: 20, arbitrary: fc.constant(0x67) },
    { weight: 2, arbitrary: fc.nat(0xfff).map((bits) => bits | 1) },
    fc.constantFrom(0x0, 0x1, 0x47, 0xe7, 0x67 | _PAGE_NX, 0x67 | 0x5000000, 0x63, 0x65),
  ),
});
const look = fc.record({
  root: fc.oneof({ weight: 9, arbitrary: fc.nat(NR_TABLES) }, fc.constant(0xfffffff)),
  slots: fc.tuple(slot, slot, slot, slot),
  access: fc.constantFrom<Access>(0, 1, 2),
});
const control = fc.record({
  maxphyaddr: fc.constantFrom(32, 40, 44, 46, 52),
  cpl: fc.constantFrom<0 | 3>(0, 3),
  wp: fc.boolean(),
  smep: fc.boolean(),
  smap: fc.boolean(),
  ac: fc.boolean(),
  nxe: fc.boolean(),
});
const graph = fc.record({
  entries: fc.array(entry, { minLength: 40, maxLength: 80 }),
  looks: fc.array(look, { minLength: 20, maxLength: 40 }),
  control,
});

describe("the fast form of the walk", () => {
  it("gives the answers of the plain form, and leaves the same memory", function () {
    this.timeout(60_000);
    let pages = 0;
    let faults = 0;
    fc.assert(
      fc.property(graph, ({ entries, looks, control: { maxphyaddr, ...state } }) => {
        const [fast, plain] = [memory(entries), memory(entries)];
        const c = Object.assign(new WalkControl(maxphyaddr), state);
        const [one, other] = [new Walk(), new Walk()];
        for (const { root, slots, access } of looks) {
          const page = vpn(slots.reduce((at, each) => at * 512 + each, 0));
          const answer = walk(fast, c, mfn(root), page, access, one);
          expect(answer).to.equal(walk_any(plain, c, mfn(root), page, access, other));
          expect({ ...one }).to.deep.equal({ ...other });
          if (answer === WALK_OK) pages++;
          else faults++;
        }
        expect(Buffer.compare(bytes(fast), bytes(plain))).to.equal(0);
      }),
      { numRuns: 1000 },
    );
    expect(Math.min(pages, faults)).to.be.above(2000);
  });
});

function memory(entries: readonly { table: number; slot: number; frame: number; flags: number }[]): PtMemory {
  const mem = new PtMemory(new State(PtMemory.bytes(GEOMETRY)), GEOMETRY);
  for (const { table, slot: at, frame, flags } of entries) {
    mem.set(table, at, frame, flags & ~PAGE_FRAME_HI_MASK);
    mem.words[mem.at(table, at) + 1] = flags;
  }
  return mem;
}

function bytes({ words }: PtMemory): Buffer {
  return Buffer.from(words.buffer, words.byteOffset, words.byteLength);
}
