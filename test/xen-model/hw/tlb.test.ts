import { expect } from "chai";
import { mfn, vpn } from "../../../abi/frames.js";
import { PtMemory } from "../../../abi/memory.js";
import {
  _PAGE_DIRTY,
  _PAGE_GLOBAL,
  _PAGE_NX,
  _PAGE_PRESENT,
  _PAGE_PSE,
  _PAGE_RW,
  _PAGE_USER,
  PFEC_page_present,
  PFEC_user_mode,
  PFEC_write_access,
} from "../../../abi/page.js";
import { State } from "../../../abi/state.js";
import { ACCESS_READ, ACCESS_WRITE, WalkControl, type Access } from "../../../xen-model/hw/control.js";
import {
  INVPCID_ALL_INCL_GLOBAL,
  INVPCID_ALL_NON_GLOBAL,
  INVPCID_INDIV_ADDR,
  INVPCID_SINGLE_CTXT,
  Tlb,
} from "../../../xen-model/hw/tlb.js";
import { translate } from "../../../xen-model/hw/translate.js";
import { Walk, WALK_OK } from "../../../xen-model/hw/walk.js";

const RWU = _PAGE_PRESENT | _PAGE_RW | _PAGE_USER;
const [A, B] = [vpn(0), vpn(1)];
/** Page of a 2 MiB leaf, and of a global 4 KiB one. */
const [BIG, GLOBAL] = [vpn(512 + 7), vpn(1024)];

/** Tables 0 (root), 1, 2 and 3: pages A and B, a superpage, a global page. */
function pcpu({ nrCpus = 2, sets = 16, ways = 4 } = {}) {
  const geometry = { nrFrames: 4096, nrTables: 8, ptes: 512 };
  const state = new State(1 << 20);
  const mem = new PtMemory(state, geometry);
  const tlb = new Tlb(state, { nrCpus, sets, ways, ptes: 512 });
  mem.set(0, 0, 1, RWU);
  mem.set(1, 0, 2, RWU);
  mem.set(2, 0, 3, RWU);
  mem.set(2, 1, 1024, RWU | _PAGE_PSE);
  mem.set(2, 2, 4, RWU);
  mem.set(3, 0, 100, RWU);
  mem.set(3, 1, 101, RWU);
  mem.set(4, 0, 102, RWU | _PAGE_GLOBAL);
  const c = new WalkControl();
  c.cpl = 3;
  const out = new Walk();
  const access = (page: number, { cpu = 0, pcid = 0, kind = ACCESS_READ as Access } = {}) =>
    translate(mem, tlb, cpu, c, mfn(0), pcid, vpn(page), kind, out);
  const cached = (page: number, { cpu = 0, pcid = 0 } = {}) => tlb.lookup(cpu, pcid, vpn(page), out);
  return { state, mem, tlb, c, out, access, cached };
}

/** A pCPU whose TLB holds A in PCIDs 1 and 2, B and the superpage in 1, and the global page, made in 1. */
function filled() {
  const machine = pcpu();
  for (const page of [A, B, BIG, GLOBAL]) machine.access(page, { pcid: 1 });
  machine.access(A, { pcid: 2 });
  return machine;
}

/** What of filled() is still cached. */
function left({ cached }: ReturnType<typeof pcpu>): string {
  const rows: [string, number, number][] = [
    ["A1", A, 1],
    ["B1", B, 1],
    ["big1", BIG, 1],
    ["A2", A, 2],
    ["global", GLOBAL, 1],
  ];
  return rows
    .filter(([, page, pcid]) => cached(page, { pcid }))
    .map(([name]) => name)
    .join(" ");
}

describe("What a TLB holds", () => {
  it("is a translation's frame, its path's rights and its leaf's bits", () => {
    const { mem, access, cached, out } = pcpu();
    mem.set(2, 0, 3, (RWU & ~_PAGE_RW) | _PAGE_NX);
    access(B);
    out.frame = mfn(0);
    expect(cached(B)).to.be.true;
    expect([out.frame, out.level]).to.deep.equal([101, 1]);
    expect(out.rights).to.equal(_PAGE_USER | _PAGE_NX);
  });

  it("is used after an edit of the tables, until it is flushed", () => {
    const { mem, tlb, access, out } = pcpu();
    access(A);
    mem.set(3, 0, 200, RWU);
    access(A);
    expect(out.frame).to.equal(100);
    tlb.invlpg(0, 0, A);
    access(A);
    expect(out.frame).to.equal(200);
  });

  it("covers all pages of a superpage with one entry", () => {
    const { access, cached, out } = pcpu();
    access(BIG);
    expect(cached(512)).to.be.true;
    expect(out.frame).to.equal(1024);
    expect(cached(1023)).to.be.true;
    expect([out.frame, out.level]).to.deep.equal([1024 + 511, 2]);
    expect(cached(511) || cached(1024)).to.be.false;
  });

  it("is its own pCPU's and its own PCID's, unless it is global", () => {
    const { access, cached } = pcpu();
    access(A, { pcid: 1 });
    access(GLOBAL, { pcid: 1 });
    expect([cached(A, { pcid: 1 }), cached(A, { pcid: 2 }), cached(A, { cpu: 1, pcid: 1 })]).to.deep.equal([
      true,
      false,
      false,
    ]);
    expect([cached(GLOBAL, { pcid: 2 }), cached(GLOBAL, { cpu: 1, pcid: 1 })]).to.deep.equal([true, false]);
  });

  it("is never global while CR4.PGE is 0", () => {
    const { c, access, cached } = pcpu();
    c.pge = false;
    access(GLOBAL, { pcid: 1 });
    expect([cached(GLOBAL, { pcid: 1 }), cached(GLOBAL, { pcid: 2 })]).to.deep.equal([true, false]);
  });

  it("is replaced in turn when a set is full", () => {
    const { mem, access, cached } = pcpu({ sets: 1, ways: 2 });
    for (let slot = 0; slot < 4; slot++) mem.set(3, slot, 100 + slot, RWU);
    for (const page of [0, 1, 2]) access(page);
    expect([0, 1, 2].map((page) => cached(page))).to.deep.equal([false, true, true]);
    access(3);
    expect([1, 2, 3].map((page) => cached(page))).to.deep.equal([false, true, true]);
  });

  it("has one entry a page, however often the page is walked for", () => {
    const { tlb, out, access, cached } = pcpu({ sets: 1, ways: 2 });
    access(B);
    access(A);
    access(A, { kind: ACCESS_WRITE }); // walks for D, and replaces A's own entry
    expect([cached(A), cached(B)]).to.deep.equal([true, true]);
    expect(out.frame).to.equal(101);
    tlb.invlpg(0, 0, A);
    expect([cached(A), cached(B)]).to.deep.equal([false, true]);
  });

  it("never includes an absent page: populating one needs no flush", () => {
    const { mem, access } = pcpu();
    expect(access(2)).to.equal(PFEC_user_mode);
    mem.set(3, 2, 103, RWU);
    expect(access(2)).to.equal(WALK_OK);
  });
});

describe("An access through a cached translation", () => {
  it("walks again for the first write, which sets D in the leaf", () => {
    const { mem, access } = pcpu();
    access(A);
    expect(mem.flags(3, 0) & _PAGE_DIRTY).to.equal(0);
    access(A, { kind: ACCESS_WRITE });
    expect(mem.flags(3, 0) & _PAGE_DIRTY).to.equal(_PAGE_DIRTY);
  });

  it("sets D no more once it is cached dirty, though software cleared it", () => {
    const { mem, access } = pcpu();
    access(A, { kind: ACCESS_WRITE });
    mem.set(3, 0, 100, RWU);
    access(A, { kind: ACCESS_WRITE });
    expect(mem.flags(3, 0) & _PAGE_DIRTY).to.equal(0);
  });

  it("may write after R/W was taken from the entry: revoking a right needs a flush", () => {
    const { mem, tlb, access } = pcpu();
    access(A, { kind: ACCESS_WRITE });
    mem.set(3, 0, 100, RWU & ~_PAGE_RW);
    expect(access(A, { kind: ACCESS_WRITE })).to.equal(WALK_OK);
    tlb.invlpg(0, 0, A);
    expect(access(A, { kind: ACCESS_WRITE })).to.equal(
      PFEC_page_present | PFEC_write_access | PFEC_user_mode,
    );
  });

  it("faults once after R/W was given to the entry, and not again: the fault invalidated it", () => {
    const { mem, access } = pcpu();
    mem.set(3, 0, 100, RWU & ~_PAGE_RW);
    access(A);
    mem.set(3, 0, 100, RWU);
    expect(access(A, { kind: ACCESS_WRITE })).to.equal(
      PFEC_page_present | PFEC_write_access | PFEC_user_mode,
    );
    expect(access(A, { kind: ACCESS_WRITE })).to.equal(WALK_OK);
  });

  it("is invalidated by a fault of the walk that a first write makes", () => {
    const { mem, access, cached } = pcpu();
    access(A);
    mem.set(3, 0, 0, 0);
    expect(access(A)).to.equal(WALK_OK);
    expect(access(A, { kind: ACCESS_WRITE })).to.equal(PFEC_write_access | PFEC_user_mode);
    expect(cached(A)).to.be.false;
    expect(access(A)).to.equal(PFEC_user_mode);
  });

  it("is judged by the control state of now: SMAP guards cached user pages", () => {
    const { c, access } = pcpu();
    access(A);
    c.cpl = 0;
    expect(access(A)).to.equal(WALK_OK);
    c.smap = true;
    expect(access(A)).to.equal(PFEC_page_present);
  });
});

describe("Invalidation (SDM vol. 3A, 4.10.4.1)", () => {
  type Flush = (tlb: Tlb) => void;
  const rows: [string, Flush, string][] = [
    ["nothing at all leaves all", () => {}, "A1 B1 big1 A2 global"],
    [
      "MOV to CR3 drops the new PCID's entries but global ones",
      (t) => t.mov_to_cr3(0, 1, false),
      "A2 global",
    ],
    ["MOV to CR3 with bit 63 drops none", (t) => t.mov_to_cr3(0, 1, true), "A1 B1 big1 A2 global"],
    ["MOV to CR3 with PCID 2 leaves those of PCID 1", (t) => t.mov_to_cr3(0, 2, false), "A1 B1 big1 global"],
    ["MOV to CR4 that changes PGE drops all", (t) => t.mov_to_cr4(0), ""],
    ["INVLPG drops one address of the current PCID", (t) => t.invlpg(0, 1, A), "B1 big1 A2 global"],
    ["INVLPG drops a superpage by any of its pages", (t) => t.invlpg(0, 1, vpn(1000)), "A1 B1 A2 global"],
    ["INVLPG drops a global page from any PCID", (t) => t.invlpg(0, 2, GLOBAL), "A1 B1 big1 A2"],
    [
      "INVPCID 0 drops one address of one PCID",
      (t) => t.invpcid(0, INVPCID_INDIV_ADDR, 2, A),
      "A1 B1 big1 global",
    ],
    [
      "INVPCID 0 leaves a global page",
      (t) => t.invpcid(0, INVPCID_INDIV_ADDR, 1, GLOBAL),
      "A1 B1 big1 A2 global",
    ],
    [
      "INVPCID 0 drops a superpage by any of its pages",
      (t) => t.invpcid(0, INVPCID_INDIV_ADDR, 1, vpn(1023)),
      "A1 B1 A2 global",
    ],
    [
      "INVPCID 1 drops one PCID but global pages",
      (t) => t.invpcid(0, INVPCID_SINGLE_CTXT, 1, A),
      "A2 global",
    ],
    ["INVPCID 2 drops all", (t) => t.invpcid(0, INVPCID_ALL_INCL_GLOBAL, 0, A), ""],
    ["INVPCID 3 drops all but global pages", (t) => t.invpcid(0, INVPCID_ALL_NON_GLOBAL, 0, A), "global"],
    [
      "any of them leaves other pCPUs alone",
      (t) => {
        t.mov_to_cr3(1, 1, false);
        t.invlpg(1, 1, A);
        t.invpcid(1, INVPCID_ALL_NON_GLOBAL, 0, A);
        t.mov_to_cr4(1);
      },
      "A1 B1 big1 A2 global",
    ],
  ];
  for (const [claim, flush, rest] of rows) {
    it(claim, () => {
      const machine = filled();
      flush(machine.tlb);
      expect(left(machine)).to.equal(rest);
    });
  }

  it("by INVLPG drops a page both as the current PCID's and as another's global one", () => {
    const { mem, tlb, access, cached } = pcpu();
    mem.set(4, 0, 102, RWU);
    access(GLOBAL, { pcid: 1 }); // the page as PCID 1's own
    mem.set(4, 0, 102, RWU | _PAGE_GLOBAL);
    access(GLOBAL, { pcid: 2 }); // and as a global one, made in PCID 2
    tlb.invlpg(0, 1, GLOBAL);
    expect([cached(GLOBAL, { pcid: 1 }), cached(GLOBAL, { pcid: 2 })]).to.deep.equal([false, false]);
  });

  it("leaves the bytes of a machine that never cached anything", () => {
    const machine = filled();
    machine.tlb.mov_to_cr4(0);
    const { state } = pcpu();
    const tlbBytes = (s: State) => new Uint8Array(s.buffer, 8 * 4096, s.usedBytes - 8 * 4096);
    expect(tlbBytes(machine.state)).to.deep.equal(tlbBytes(state));
  });
});
