/** mmuext_op, errno by errno (facts/xen.md 1.8). */
import { expect } from "chai";
import type { Extended } from "../../experiments/replay/script.js";
import type { XenConfig } from "../../xen-model/xen-config.js";
import { TestGuest } from "./test-guest.js";

const EPERM = -1;
const ESRCH = -3;
const EBUSY = -16;
const EINVAL = -22;
const ENOSYS = -38;
const EOPNOTSUPP = -95;

/** p1..p4 are pages fit for tables of levels 1 to 4; p10 is data, read-only everywhere; p4 maps the kernel. */
function guestWithPages(options: Partial<XenConfig> = {}): TestGuest {
  const guest = new TestGuest(options);
  guest.tables({ p10: [], p1: ["p10|0x65"], p2: ["p1|0x67"], p3: ["p2|0x67"], p4: ["p3|0x67"] });
  guest.set("p4", 511, "base_l3|0x67");
  return guest;
}

function ext(guest: TestGuest, op: Extended, domid?: number): unknown[] {
  const result = guest.do({ op: "mmuext", ops: [op], ...(domid === undefined ? {} : { domid }) });
  expect(guest.broken()).to.deep.equal([]);
  return [result["rc"], result["done"]];
}

describe("Pins (facts/xen.md 1.8)", () => {
  for (const level of [1, 2, 3, 4]) {
    it(`an L${level} is pinned once: again is ${EINVAL}`, () => {
      const guest = guestWithPages();
      expect([guest.pin(level, `p${level}`), guest.pin(level, `p${level}`)]).to.deep.equal([0, EINVAL]);
      expect(guest.typeCount(`p${level}`)).to.equal(1);
      expect(guest.broken()).to.deep.equal([]);
    });

    it(`an L${level} that is pinned is of no other level: ${EINVAL}`, () => {
      const guest = guestWithPages();
      guest.pin(level, `p${level}`);
      expect(guest.pin((level % 4) + 1, `p${level}`)).to.equal(EINVAL);
      expect(guest.broken()).to.deep.equal([]);
    });

    const rows: [string, string, number][] = [
      ["a page that is writable elsewhere", "p9", EINVAL],
      ["a frame of Xen's", "xen:261", EINVAL],
      ["a device", "raw:0xa0", EINVAL],
      ["frame 0", "none", EINVAL],
      ["the shared info page", "shared_info", EINVAL],
    ];
    for (const [what, frame, rc] of rows) {
      it(`${what} is no L${level}: ${rc}`, () =>
        expect(ext(guestWithPages(), { cmd: `pin_l${level}`, frame })).to.deep.equal([rc, 0]));
    }
  }

  it("an L1 with a device that the guest may not have is -EPERM", () => {
    const guest = new TestGuest();
    guest.tables({ p1: ["raw:0xfee00|0x67"] });
    expect(guest.pin(1, "p1")).to.equal(EPERM);
  });

  it("an L1 that maps a table writable is -EBUSY, itself as well", () => {
    const guest = new TestGuest();
    guest.tables({ p1: ["p1|0x67"] });
    expect(guest.pin(1, "p1")).to.equal(EBUSY);
    expect(guest.broken()).to.deep.equal([]);
  });

  const unpins: [string, string][] = [
    ["a page that is not pinned", "p9"],
    ["a table that is in use, and not pinned", "base_l3"],
    ["a frame of Xen's", "xen:261"],
  ];
  for (const [what, frame] of unpins) {
    it(`unpinning ${what} is ${EINVAL}`, () =>
      expect(ext(guestWithPages(), { cmd: "unpin", frame })).to.deep.equal([EINVAL, 0]));
  }

  it("an unpinned table that is in use elsewhere stays a table", () => {
    const guest = guestWithPages();
    guest.pin(1, "p1");
    guest.pin(2, "p2");
    expect(guest.unpin("p1")).to.equal(0);
    expect(guest.home("rw", "p1")).to.deep.equal([EBUSY]);
    expect(guest.unpin("p2")).to.equal(0);
    expect(guest.home("rw", "p1")).to.deep.equal([0]);
  });
});

describe("Base pointers (facts/xen.md 1.7, 1.8, 2)", () => {
  for (const cmd of ["new_baseptr", "new_user_baseptr"]) {
    it(`${cmd} takes one type reference of an L4, pinned or not`, () => {
      const guest = guestWithPages();
      expect(ext(guest, { cmd, frame: "p4" })).to.deep.equal([0, 1]);
      expect(guest.typeCount("p4")).to.equal(1);
      expect(ext(guest, { cmd, frame: "p4" })).to.deep.equal([0, 1]);
      expect(guest.typeCount("p4")).to.equal(1);
    });

    for (const [what, frame] of [
      ["an L3", "base_l3"],
      ["a writable page", "p9"],
      ["a frame of Xen's", "xen:261"],
    ] as const) {
      it(`${cmd} of ${what} is ${EINVAL}`, () =>
        expect(ext(guestWithPages(), { cmd, frame })).to.deep.equal([EINVAL, 0]));
    }

    it(`${cmd} for another domain is ${EPERM}`, () => {
      expect(ext(guestWithPages(), { cmd, frame: "base_l4" }, 0x7ff1)).to.deep.equal([EPERM, 0]);
    });
  }

  it("the user table may be removed: mfn 0", () => {
    const guest = guestWithPages();
    ext(guest, { cmd: "new_user_baseptr", frame: "p4" });
    expect(ext(guest, { cmd: "new_user_baseptr", frame: "none" })).to.deep.equal([0, 1]);
    expect(guest.typeCount("p4")).to.equal(0);
  });

  it("a new base pointer is loaded before the old L4 is taken down, however often that is preempted", () => {
    const guest = guestWithPages({ preempt: 1 });
    ext(guest, { cmd: "new_baseptr", frame: "p4" });
    expect(guest.begin(0, { op: "mmuext", ops: [{ cmd: "new_baseptr", frame: "base_l4" }] })).to.be.true;
    expect(guest.xen.guest_cr3(0)).to.equal(guest.frame("base_l4"));
    expect(guest.broken()).to.deep.equal([]);
    expect(guest.finish(0)).to.deep.equal({ rc: 0, done: 1 });
    expect(guest.typeCount("p4")).to.equal(0);
  });
});

describe("Flushes, pages and the rest of mmuext_op (facts/xen.md 1.8)", () => {
  const rows: [string, Extended, number][] = [
    ["MMUEXT_TLB_FLUSH_LOCAL", { cmd: "tlb_flush_local" }, 0],
    ["MMUEXT_TLB_FLUSH_MULTI, of vCPUs that are not there too", { cmd: "tlb_flush_multi", mask: 0xff }, 0],
    ["MMUEXT_TLB_FLUSH_ALL", { cmd: "tlb_flush_all" }, 0],
    ["MMUEXT_INVLPG_LOCAL of an address of Xen's", { cmd: "invlpg_local", va: "0xffff800000000000" }, 0],
    ["MMUEXT_INVLPG_ALL of an address that is not canonical", { cmd: "invlpg_all", va: "0x800000000000" }, 0],
    ["MMUEXT_FLUSH_CACHE, as the guest has devices", { cmd: "flush_cache" }, 0],
    ["MMUEXT_FLUSH_CACHE_GLOBAL, too", { cmd: "flush_cache_global" }, 0],
    ["MMUEXT_SET_LDT of no entries, wherever", { cmd: "set_ldt", va: "0xffff800000000001", ents: 0 }, 0],
    ["... of 8192", { cmd: "set_ldt", va: "0x1000", ents: 8192 }, 0],
    ["... of 8193", { cmd: "set_ldt", va: "0x1000", ents: 8193 }, EINVAL],
    ["... not at a page's start", { cmd: "set_ldt", va: "0x1008", ents: 1 }, EINVAL],
    ["... in Xen's range", { cmd: "set_ldt", va: "0xffff800000000000", ents: 1 }, EINVAL],
    ["MMUEXT_CLEAR_PAGE of a writable page", { cmd: "clear_page", frame: "p9" }, 0],
    ["... of a page without uses", { cmd: "clear_page", frame: "p10" }, 0],
    ["... of a table", { cmd: "clear_page", frame: "base_l1" }, EINVAL],
    ["... of another's", { cmd: "clear_page", frame: "xen:261" }, EINVAL],
    ["MMUEXT_COPY_PAGE from a table", { cmd: "copy_page", frame: "p9", src: "base_l1" }, 0],
    ["... to a table", { cmd: "copy_page", frame: "base_l1", src: "p9" }, EINVAL],
    ["... from another's", { cmd: "copy_page", frame: "p9", src: "xen:261" }, EINVAL],
    ["MMUEXT_MARK_SUPER", { cmd: "mark_super", frame: "p9" }, EOPNOTSUPP],
    ["MMUEXT_UNMARK_SUPER", { cmd: "unmark_super", frame: "p9" }, EOPNOTSUPP],
    ["command 14", { cmd: 14 }, ENOSYS],
    ["command 21", { cmd: 21 }, ENOSYS],
    ["command 0xffffffff", { cmd: 0xffffffff }, ENOSYS],
  ];
  for (const [what, op, rc] of rows) {
    it(`${what} is ${rc}`, () => expect(ext(guestWithPages(), op)).to.deep.equal([rc, rc === 0 ? 1 : 0]));
  }

  it("an INVLPG of Xen's own addresses leaves its translations", () => {
    const guest = new TestGuest({ tlb: { sets: 16, ways: 2 } });
    guest.do({ op: "probe_read", va: "0x0" });
    expect(ext(guest, { cmd: "invlpg_all", va: "0xffff810000000000" })).to.deep.equal([0, 1]);
  });

  for (const [domid, name] of [
    [0, "its own number"],
    [1, "no domain"],
    [0x7ff3, "DOMID_COW"],
    [0x7fff, "DOMID_IDLE"],
  ] as const) {
    it(`foreigndom ${name} is ${ESRCH}, and *pdone is left alone`, () => {
      expect(ext(guestWithPages(), { cmd: "tlb_flush_local" }, domid)).to.deep.equal([ESRCH, null]);
    });
  }

  const foreign: [Extended, number][] = [
    [{ cmd: "tlb_flush_local" }, EPERM],
    [{ cmd: "tlb_flush_all" }, EPERM],
    [{ cmd: "invlpg_multi", va: "0x0", mask: 1 }, EPERM],
    [{ cmd: "set_ldt", va: "0x0", ents: 0 }, EPERM],
    [{ cmd: "flush_cache" }, EPERM],
    [{ cmd: "pin_l1", frame: "p1" }, EINVAL],
    [{ cmd: "unpin", frame: "p1" }, EINVAL],
    [{ cmd: "clear_page", frame: "p9" }, EINVAL],
    [{ cmd: "mark_super", frame: "p9" }, EOPNOTSUPP],
    [{ cmd: 14 }, ENOSYS],
  ];
  for (const [op, rc] of foreign) {
    it(`${op.cmd} for DOMID_XEN is ${rc}`, () =>
      expect(ext(guestWithPages(), op, 0x7ff2)).to.deep.equal([rc, 0]));
  }

  it("MMUEXT_FLUSH_CACHE is -EACCES for a guest without devices", () => {
    const map = { devices: false, io: [] };
    expect(ext(guestWithPages({ map }), { cmd: "flush_cache" })).to.deep.equal([-13, 0]);
  });

  it("MMUEXT_FLUSH_CACHE_GLOBAL is -EINVAL then in 4.17, and -EACCES in master (facts/xen.md 1.8)", () => {
    const map = { devices: false, io: [] };
    const rc = (version: XenConfig["version"]) =>
      ext(guestWithPages({ map, version }), { cmd: "flush_cache_global" })[0];
    expect([rc("4.17"), rc("master")]).to.deep.equal([EINVAL, -13]);
  });
});
