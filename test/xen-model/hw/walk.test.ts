import { expect } from "chai";
import { mfn, vpn } from "../../../abi/frames.js";
import { PtMemory } from "../../../abi/memory.js";
import { _PAGE_ACCESSED, _PAGE_DIRTY, _PAGE_GLOBAL, _PAGE_NX, _PAGE_PSE } from "../../../abi/page.js";
import { State } from "../../../abi/state.js";
import { ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE, WalkControl } from "../../../xen-model/hw/control.js";
import { load_pdptes } from "../../../xen-model/hw/pdpte.js";
import { canonical_vpn, NOT_CANONICAL, walk, Walk, WALK_OK } from "../../../xen-model/hw/walk.js";

const [P, RW, US] = [1, 2, 4];
const RWU = P | RW | US;

/** Page 0 through tables 0 to 3, all entries P, R/W and U/S, to frame 100; and a supervisor at work. */
function machine({ ptes = 512, leaf = RWU, above = RWU } = {}) {
  const geometry = { nrFrames: 1 << 20, nrTables: 8, ptes };
  const mem = new PtMemory(new State(PtMemory.bytes(geometry)), geometry);
  for (let table = 0; table < 3; table++) mem.set(table, 0, table + 1, above);
  mem.set(3, 0, 100, leaf);
  const c = new WalkControl(46);
  const out = new Walk();
  const access = (kind: 0 | 1 | 2, page = 0) => walk(mem, c, mfn(0), vpn(page), kind, out);
  return { mem, c, out, access };
}

describe("A pagetable walk", () => {
  it("ends in the leaf's frame, with the rights that every entry gives", () => {
    const { out, access } = machine({ above: P | US });
    expect(access(ACCESS_READ)).to.equal(WALK_OK);
    expect([out.frame, out.level, out.rights]).to.deep.equal([100, 1, US]);
  });

  it("marks entries accessed, and the leaf dirty if it writes", () => {
    const { mem, access } = machine();
    access(ACCESS_READ);
    expect([0, 1, 2, 3].map((t) => mem.flags(t, 0) & ~RWU)).to.deep.equal(Array(4).fill(_PAGE_ACCESSED));
    access(ACCESS_WRITE);
    expect(mem.flags(2, 0) & _PAGE_DIRTY).to.equal(0);
    expect(mem.flags(3, 0) & _PAGE_DIRTY).to.equal(_PAGE_DIRTY);
  });

  it("never marks a leaf that it may not use", () => {
    const { mem, access } = machine({ leaf: P | US });
    expect(access(ACCESS_WRITE)).to.equal(0x03);
    expect(mem.flags(3, 0)).to.equal(P | US);
  });

  it("lets the supervisor write to a read-only page while CR0.WP is 0", () => {
    const { c, access } = machine({ leaf: P });
    expect(access(ACCESS_WRITE)).to.equal(0x03);
    c.wp = false;
    expect(access(ACCESS_WRITE)).to.equal(WALK_OK);
  });

  it("replaces a superpage's low frame bits by the address's, PAT bit included", () => {
    const { mem, out, access } = machine();
    mem.set(2, 1, 0x400 | 1, RWU | _PAGE_PSE);
    expect(access(ACCESS_READ, 512 + 6)).to.equal(WALK_OK);
    expect([out.frame, out.level]).to.deep.equal([0x406, 2]);
    mem.set(2, 1, 0x402, RWU | _PAGE_PSE);
    expect(access(ACCESS_READ, 512 + 6), "bit 13 is reserved").to.equal(0x09);
  });

  it("reaches frames of 40 bits where MAXPHYADDR is 52, and calls them reserved where it is 46", () => {
    const { mem, c, out, access } = machine();
    const frame = 0xff_8000_0001;
    mem.set(3, 0, frame, RWU);
    expect(access(ACCESS_READ)).to.equal(0x09);
    c.set_maxphyaddr(52);
    expect(access(ACCESS_READ)).to.equal(WALK_OK);
    expect(out.frame).to.equal(frame);
  });

  it("finds no table beyond those with contents, not even modulo 2^32", () => {
    const { mem, c, access } = machine();
    c.set_maxphyaddr(52);
    mem.set(2, 0, 2 ** 32 + 3, RWU);
    expect(access(ACCESS_READ)).to.equal(0x00);
  });

  it("tells a fetch from a read only if NXE or SMEP is on", () => {
    const { c, access } = machine({ leaf: 0 });
    expect(access(ACCESS_FETCH)).to.equal(0x10);
    c.nxe = false;
    expect(access(ACCESS_FETCH)).to.equal(0x00);
    c.smep = true;
    expect(access(ACCESS_FETCH)).to.equal(0x10);
  });

  it("leaves NX, the global bit and the key for the TLB", () => {
    const { out, access } = machine({ leaf: RWU | _PAGE_NX | _PAGE_GLOBAL | (5 << 19) });
    access(ACCESS_READ);
    expect(out.rights).to.equal(RW | US | _PAGE_NX | (5 << 19));
    expect(out.leaf & _PAGE_GLOBAL).to.equal(_PAGE_GLOBAL);
  });

  it("works alike with tables of 4 entries", () => {
    const { mem, out, access } = machine({ ptes: 4 });
    mem.set(3, 3, 103, RWU);
    expect(access(ACCESS_READ, 3)).to.equal(WALK_OK);
    expect(out.frame).to.equal(103);
  });
});

describe("The four PDPTEs", () => {
  it("are those of the last load of CR3, whatever became of their frame", () => {
    const { mem, c, access } = machine();
    c.levels = 3;
    mem.set(7, 4, 2, P);
    expect(load_pdptes(mem, c, mfn(7), 4)).to.be.true;
    mem.set(7, 4, 0, 0);
    expect(access(ACCESS_READ)).to.equal(WALK_OK);
  });

  it("stay as they were if a load raises #GP", () => {
    const { mem, c, access } = machine();
    c.levels = 3;
    mem.set(7, 0, 2, P);
    load_pdptes(mem, c, mfn(7), 0);
    mem.set(7, 0, 2, P | RW);
    expect(load_pdptes(mem, c, mfn(7), 0)).to.be.false;
    expect(access(ACCESS_READ)).to.equal(WALK_OK);
  });
});

describe("An address is canonical", () => {
  const rows: [number, 3 | 4 | 5, number][] = [
    [0x00007ffffffff, 4, 0x7ffffffff],
    [0x0000800000000, 4, NOT_CANONICAL],
    [0xffff7ffffffff, 4, NOT_CANONICAL],
    [0xffff800000000, 4, 0x800000000],
    [0x0000800000000, 5, 0x800000000],
    [0x00fffffffffff, 5, 0xfffffffffff],
    [0x0100000000000, 5, NOT_CANONICAL],
    [0xff00000000000, 5, 0x100000000000],
    [0xfffff, 3, 0xfffff],
  ];
  for (const [page, levels, expected] of rows) {
    const what = expected === NOT_CANONICAL ? "not" : `as vpn 0x${expected.toString(16)}`;
    it(`${what} with ${levels} levels: 0x${page.toString(16)}000`, () => {
      expect(canonical_vpn(page, levels, 512)).to.equal(expected);
    });
  }
});
