/** set_gdt, and what a page of descriptors may hold (facts/xen.md 1.1, 1.6). */
import { expect } from "chai";
import { TestGuest } from "./test-guest.js";

const EINVAL = -22;
const EBUSY = -16;

function gdt(guest: TestGuest, entries: number, ...frames: string[]): unknown {
  const { rc } = guest.do({ op: "set_gdt", frames, entries });
  expect(guest.broken()).to.deep.equal([]);
  return rc;
}

describe("set_gdt", () => {
  it("takes frames that are neither writable nor tables, one for 512 entries", () => {
    const guest = new TestGuest();
    guest.home("ro", "p0", "p1");
    expect(gdt(guest, 513, "p0", "p1")).to.equal(0);
    expect(guest.home("rw", "p0", "p1")).to.deep.equal([EBUSY, EBUSY]);
    expect(guest.pin(1, "p0")).to.equal(EINVAL);
    expect(gdt(guest, 0)).to.equal(0);
    expect(guest.home("rw", "p0", "p1")).to.deep.equal([0, 0]);
  });

  const rows: [string, string, number][] = [
    ["a writable page", "p9", 512],
    ["a table", "base_l1", 512],
    ["a frame of Xen's", "xen:261", 512],
    ["a device", "raw:0xa0", 512],
    ["more than 14 frames", "p0", 14 * 512 + 1],
  ];
  for (const [what, frame, entries] of rows) {
    it(`of ${what} is ${EINVAL}, and leaves the old GDT`, () => {
      const guest = new TestGuest();
      guest.home("ro", "p0", "p1");
      gdt(guest, 512, "p1");
      expect(gdt(guest, entries, frame)).to.equal(EINVAL);
      expect(guest.home("rw", "p1")).to.deep.equal([EBUSY]);
    });
  }

  /** A descriptor's high word is bits 63:32 of the quadword. */
  const descriptors: [string, string, number, string][] = [
    ["one that is not present", "none|0x0", 0, "none|0x0"],
    [
      "a data segment of ring 0, which becomes ring 3",
      "raw:0xf93000000f|0xc0000000000fff",
      0,
      "raw:0xff3000000f|0xcfff",
    ],
    ["a code segment of ring 3", "raw:0xffb000000f|0xa0000000000fff", 0, "raw:0xffb000000f|0xafff"],
    ["a task state segment", "raw:0x890000000|0x67", EINVAL, ""],
    ["an interrupt gate", "raw:0x8e0000000|0xfff", EINVAL, ""],
    ["a call gate, whose DPL becomes 0", "raw:0xec0000000|0xfff", 0, "raw:0x8c0000000|0xfff"],
    ["a call gate with reserved bits", "raw:0xec0100000|0xfff", EINVAL, ""],
    ["the second half of a gate, of type 0", "raw:0x800000000|0x1", 0, "raw:0x800000000|0x1"],
  ];
  for (const [what, entry, rc, becomes] of descriptors) {
    it(`of a page that holds ${what} is ${rc}`, () => {
      const guest = new TestGuest();
      guest.tables({ p0: [entry] });
      expect(gdt(guest, 1, "p0")).to.equal(rc);
      if (rc === 0) expect(guest.entry("p0", 0)).to.equal(becomes);
    });
  }
});
