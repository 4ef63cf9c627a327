import { expect } from "chai";
import fc from "fast-check";
import { mfn, vpn } from "../../../abi/frames.js";
import { PtMemory } from "../../../abi/memory.js";
import { State } from "../../../abi/state.js";
import { _PAGE_NX, PAGE_FRAME_HI_MASK, PFEC_page_present } from "../../../abi/page.js";
import { access_error } from "../../../xen-model/hw/access-rights.js";
import { ACCESS_READ, ACCESS_WRITE, WalkControl, type Access } from "../../../xen-model/hw/control.js";
import {
  maps_read_only,
  missing_l1e,
  NO_ENTRY,
  succeeds_at,
  walk,
  walk_any,
  Walk,
  WALK_OK,
} from "../../../xen-model/hw/walk.js";

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
          expect(result(one)).to.deep.equal(result(other));
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

describe("what a fault and the access behind it have in common", () => {
  it("is where the walk finds an l1e missing, which leaves no mark, and whether it succeeds by what fills it", function () {
    this.timeout(60_000);
    const met = { missing: 0, succeeds: 0, fails: 0 };
    fc.assert(
      fc.property(graph, entry, ({ entries, looks, control: { maxphyaddr, ...state } }, { frame, flags }) => {
        const mem = memory(entries);
        const c = Object.assign(new WalkControl(maxphyaddr), state);
        const [one, other] = [new Walk(), new Walk()];
        for (const { root, slots, access } of looks) {
          const page = vpn(slots.reduce((at, each) => at * 512 + each, 0));
          const before = Buffer.from(bytes(mem));
          const at = missing_l1e(mem, c, mfn(root), page, one);
          expect(Buffer.compare(bytes(mem), before)).to.equal(0);
          if (at === NO_ENTRY) {
            walk_any(mem, c, mfn(root), page, access, other); // which marks what a later look meets
            continue;
          }
          met.missing++;
          expect(walk_any(mem, c, mfn(root), page, access, other)).to.equal(access_error(c, access));
          expect(other.level).to.equal(one.level);
          expect(Buffer.compare(bytes(mem), before)).to.equal(0);

          mem.words[at] = frame;
          mem.words[at + 1] = flags;
          const filled = Buffer.from(bytes(mem));
          const succeeds = succeeds_at(mem, c, at, access, one);
          expect(Buffer.compare(bytes(mem), filled)).to.equal(0);
          const answer = walk_any(mem, c, mfn(root), page, access, other);
          expect(succeeds).to.equal(answer === WALK_OK && Buffer.compare(bytes(mem), filled) === 0);
          if (succeeds) expect(result(one)).to.deep.equal(result(other));
          met[succeeds ? "succeeds" : "fails"]++;
        }
      }),
      { numRuns: 1000 },
    );
    expect(Math.min(...Object.values(met))).to.be.above(100);
  });

  it("is that a store finds a read-only mapping of a frame, which leaves no mark", function () {
    this.timeout(60_000);
    let met = 0;
    fc.assert(
      fc.property(graph, ({ entries, looks, control: { maxphyaddr } }) => {
        const mem = memory(entries);
        const c = new WalkControl(maxphyaddr);
        c.cpl = 3;
        const [one, other] = [new Walk(), new Walk()];
        for (const { root, slots } of looks) {
          const page = vpn(slots.reduce((at, each) => at * 512 + each, 0));
          for (const frame of [0, 1, 2, 3, 4, 5]) {
            if (!maps_read_only(mem, c, mfn(root), page, frame, one)) continue;
            met++;
            const before = Buffer.from(bytes(mem));
            const error = walk_any(mem, c, mfn(root), page, ACCESS_WRITE, other);
            expect(error & PFEC_page_present).to.equal(PFEC_page_present);
            expect(Buffer.compare(bytes(mem), before)).to.equal(0);
            const leaf = mem.words.slice();
            if (walk_any(mem, c, mfn(root), page, ACCESS_READ, other) === WALK_OK)
              expect(other.frame).to.equal(frame);
            mem.words.set(leaf);
          }
          walk_any(mem, c, mfn(root), page, ACCESS_READ, other);
        }
      }),
      { numRuns: 1000 },
    );
    expect(met).to.be.above(100);
  });
});

/** But for what a walk keeps for itself. */
function result({ frame, level, rights, leaf }: Walk): object {
  return { frame, level, rights, leaf };
}

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
