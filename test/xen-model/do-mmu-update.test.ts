/** mmu_update, errno by errno (facts/xen.md 1.3, 1.8). */
import { expect } from "chai";
import type { Update } from "../../experiments/replay/script.js";
import { TestGuest } from "./test-guest.js";

const EPERM = -1;
const ESRCH = -3;
const EBUSY = -16;
const EINVAL = -22;
const ENOSYS = -38;

/** p1..p4 are pinned tables of levels 1 to 4, each mapping the one below; p10 is data, read-only everywhere. */
function guestWithTables(): TestGuest {
  const guest = new TestGuest();
  guest.tables({ p10: [], p1: ["p10|0x65"], p2: ["p1|0x67"], p3: ["p2|0x67"], p4: ["p3|0x67"] });
  for (const level of [1, 2, 3, 4]) guest.pin(level, `p${level}`);
  return guest;
}

describe("mmu_update of an L1 entry (facts/xen.md 1.3, 1.5, 1.8)", () => {
  const rows: [string, string, number][] = [
    ["own RAM, read-only", "p10|0x65", 0],
    ["own RAM, writable", "p9|0x67", 0],
    ["nothing", "none|0x0", 0],
    ["an absent entry, whatever it says", "xen:261|0xfffffffffffffe", 0],
    ["a pagetable, read-only", "p2|0x65", 0],
    ["a pagetable, writable", "p2|0x67", EBUSY],
    ["itself, writable", "p1|0x67", EBUSY],
    ["a frame of Xen's", "xen:261|0x65", EBUSY],
    ["RAM of nobody's", "raw:0x100|0x65", EBUSY],
    ["a device", "raw:0xa0|0x67", 0],
    ["a device that the guest may not have", "raw:0xfee00|0x67", EPERM],
    ["no frame at all", "raw:0xffffffffff|0x67", EINVAL],
    ["the shared info page, write-back", "shared_info|0x67", 0],
    ["the shared info page, uncached", "shared_info|0x7f", -13],
    ["RAM with cache attributes, as the guest has devices", "p10|0x6d", 0],
  ];
  for (const [what, entry, rc] of rows) {
    it(`to map ${what} is ${rc}`, () => {
      const guest = guestWithTables();
      const before = guest.entry("p1", 7);
      expect(guest.set("p1", 7, entry)).to.equal(rc);
      if (rc !== 0) expect(guest.entry("p1", 7)).to.equal(before);
      expect(guest.broken()).to.deep.equal([]);
    });
  }

  for (const [bit, name] of [
    ["0x8", "PWT"],
    ["0x10", "PCD"],
    ["0x80", "PAT"],
  ] as const) {
    it(`${name} is ${EINVAL} for a guest without devices`, () => {
      const guest = new TestGuest({ map: { devices: false, io: [] } });
      guest.tables({ p10: [], p1: [] });
      guest.pin(1, "p1");
      expect(guest.set("p1", 0, `p10|0x${(0x65 | Number(bit)).toString(16)}`)).to.equal(EINVAL);
    });
  }

  it("PTE bit 62 is -EINVAL in a debug build only", () => {
    for (const debug of [false, true]) {
      const guest = new TestGuest({ debug });
      guest.tables({ p10: [], p1: [] });
      guest.pin(1, "p1");
      expect(guest.set("p1", 0, "p10|0x4000000000000065")).to.equal(debug ? EINVAL : 0);
    }
  });

  const rewritten: [string, string, string][] = [
    ["a user page becomes global", "p10|0x65", "p10|0x165"],
    ["a kernel page gets US and the mark of the guest's kernel", "p10|0x61", "p10|0x1065"],
    ["a device is uncached", "raw:0xa0|0x67", "raw:0xa0|0x17f"],
    ["a device written through is uncached too", "raw:0xa0|0x6f", "raw:0xa0|0x17f"],
    ["a write-combined device stays so", "raw:0xa0|0xe7", "raw:0xa0|0x1e7"],
    ["a read-only device loses RW", "raw:0xb0000|0x67", "raw:0xb0000|0x17d"],
    ["an absent entry stays as it is", "p10|0x64", "p10|0x64"],
  ];
  for (const [what, entry, becomes] of rewritten) {
    it(`${what}: ${entry} is ${becomes}`, () => {
      const guest = guestWithTables();
      expect(guest.set("p1", 7, entry)).to.equal(0);
      expect(guest.entry("p1", 7)).to.equal(becomes);
    });
  }
});

describe("mmu_update of an entry above L1 (facts/xen.md 1.3, 1.8)", () => {
  for (const level of [2, 3, 4]) {
    const table = `p${level}`;
    const below = `p${level - 1}`;
    const rows: [string, string, number][] = [
      ["a table of the level below", `${below}|0x67`, 0],
      ["... without RW and US, which Xen adds", `${below}|0x21`, 0],
      ["... and NX, and the bits that Xen leaves to the guest", `${below}|0xfff0000000000e67`, 0],
      ["nothing", "none|0x0", 0],
      ["... with PWT", `${below}|0x6f`, EINVAL],
      ["... with PCD", `${below}|0x77`, EINVAL],
      ["... with PSE", `${below}|0xe7`, EINVAL],
      ["... with G", `${below}|0x167`, EINVAL],
      ["a page that is writable elsewhere", "p9|0x67", EINVAL],
      ["itself, read-only", `${table}|0x25`, 0],
      ["itself, writable", `${table}|0x27`, EINVAL],
      ["a frame of Xen's", "xen:261|0x67", EINVAL],
      ["a device", "raw:0xa0|0x67", EINVAL],
      ["the shared info page", "shared_info|0x67", EINVAL],
    ];
    for (const [what, entry, rc] of rows) {
      it(`an L${level} entry that maps ${what} is ${rc}`, () => {
        const guest = guestWithTables();
        expect(guest.set(table, 7, entry)).to.equal(rc);
        expect(guest.broken()).to.deep.equal([]);
      });
    }

    it(`an L${level} entry for a table whose own contents do not pass is ${EINVAL}, and takes nothing`, () => {
      const guest = guestWithTables();
      guest.tables({ p11: ["none|0x0", "p10|0x67", level === 2 ? "xen:261|0x67" : "p9|0x67"] });
      expect(guest.set(table, 7, "p11|0x67")).to.equal(level === 2 ? EBUSY : EINVAL);
      expect(guest.broken()).to.deep.equal([]);
      expect(guest.home("rw", "p11")).to.deep.equal([0]);
    });
  }

  for (const [slot, rc] of [
    [255, 0],
    [256, EINVAL],
    [271, EINVAL],
    [272, 0],
  ] as const) {
    it(`slot ${slot} of an L4 is ${rc} (facts/xen.md 1.4)`, () => {
      expect(guestWithTables().set("p4", slot, "none|0x0")).to.equal(rc);
    });
  }

  it("an L4 entry gets A, as copies of it could not bring A back (facts/xen.md 1.5)", () => {
    const guest = guestWithTables();
    guest.set("p4", 7, "p3|0x1");
    expect(guest.entry("p4", 7)).to.equal("p3|0x25");
  });
});

describe("mmu_update by the kind of its frame (facts/xen.md 1.8)", () => {
  const one = (update: Partial<Update>, domid?: number) => {
    const guest = guestWithTables();
    guest.home("ro", "p12");
    guest.do({ op: "set_gdt", frames: ["p12"], entries: 512 });
    const full: Update = { cmd: "normal", table: "p9", index: 0, entry: "none|0x0", ...update };
    const result = guest.do({ op: "mmu_update", updates: [full], ...(domid === undefined ? {} : { domid }) });
    expect(guest.broken()).to.deep.equal([]);
    return [result["rc"], result["done"]];
  };
  const rows: [string, Partial<Update>, number][] = [
    ["a writable page takes anything", { table: "p9", entry: "xen:261|0xfff" }, 0],
    ["a page without uses takes anything", { table: "p10", entry: "xen:261|0xfff" }, 0],
    ["a page of descriptors takes nothing", { table: "p12" }, EINVAL],
    ["a frame of Xen's is not the guest's", { table: "xen:261" }, EINVAL],
    ["a device has no entries", { table: "raw:0xa0" }, EINVAL],
    ["frame 0 is not the guest's", { table: "none" }, EINVAL],
    ["a command above 3 is unknown", { cmd: 4 }, ENOSYS],
    ["... as is 7", { cmd: 7 }, ENOSYS],
    [
      "a PV guest's entry is not translated anyway",
      { cmd: "no_translate", table: "p1", entry: "p10|0x65" },
      0,
    ],
    ["machphys of an own frame", { cmd: "machphys", table: "p9", gpfn: "0x5" }, 0],
    ["machphys of another's", { cmd: "machphys", table: "xen:261", gpfn: "0x5" }, EINVAL],
    ["machphys of a device", { cmd: "machphys", table: "raw:0xa0", gpfn: "0x5" }, EINVAL],
  ];
  for (const [what, update, rc] of rows) {
    it(`${what}: ${rc}`, () => expect(one(update)).to.deep.equal([rc, rc === 0 ? 1 : 0]));
  }

  it("A and D stay with MMU_PT_UPDATE_PRESERVE_AD, also in an absent entry", () => {
    const guest = guestWithTables();
    guest.set("p1", 7, "p10|0x65");
    const update: Update = { cmd: "preserve_ad", table: "p1", index: 7, entry: "p10|0x5" };
    guest.do({ op: "mmu_update", updates: [update] });
    expect(guest.entry("p1", 7)).to.equal("p10|0x165");
    guest.do({ op: "mmu_update", updates: [{ ...update, entry: "none|0x0" }] });
    expect(guest.entry("p1", 7)).to.equal("none|0x60");
  });

  const domids: [string, number, Partial<Update>, unknown[]][] = [
    ["its own number", 0, {}, [ESRCH, 0]],
    ["a domain that is not there", 1, {}, [ESRCH, 0]],
    ["DOMID_COW", 0x7ff3, {}, [ESRCH, 0]],
    ["DOMID_IO, for a device", 0x7ff1, { table: "p1", entry: "raw:0xa0|0x67" }, [0, 1]],
    ["DOMID_IO, for own RAM", 0x7ff1, { table: "p1", index: 7, entry: "p10|0x65" }, [EBUSY, 0]],
    ["DOMID_XEN, for a device", 0x7ff2, { table: "p1", entry: "raw:0xa0|0x67" }, [EPERM, 0]],
    ["DOMID_IO, above L1", 0x7ff1, { table: "p2", entry: "p1|0x67" }, [EINVAL, 0]],
    ["itself as the tables' owner too", 0x17ff0, {}, [0, 1]],
    ["another as the tables' owner, which leaves *pdone", 0x27ff0, {}, [ESRCH, null]],
  ];
  for (const [what, domid, update, expected] of domids) {
    it(`foreigndom ${what} (0x${domid.toString(16)}): ${JSON.stringify(expected)}`, () => {
      expect(one(update, domid)).to.deep.equal(expected);
    });
  }

  it("a batch ends at its first failure, and *pdone counts what came before", () => {
    const guest = guestWithTables();
    const updates = ["p10|0x65", "p2|0x67", "p10|0x65"].map((entry, i): Update => ({
      cmd: "normal",
      table: "p1",
      index: 8 + i,
      entry,
    }));
    expect(guest.do({ op: "mmu_update", updates })).to.deep.equal({ rc: EBUSY, err: "EBUSY", done: 1 });
    expect(guest.entry("p1", 10)).to.equal("none|0x0");
  });

  it("a dropped table ends the call for now, and *pdone goes on counting", () => {
    const guest = guestWithTables();
    guest.set("p2", 1, "p1|0x67");
    const drop = (index: number): Update => ({ cmd: "normal", table: "p2", index, entry: "none|0x0" });
    const call = { op: "mmu_update" as const, updates: [drop(0), drop(1)] };
    expect(guest.begin(0, call)).to.be.true;
    expect(guest.machine.calls[0]!.done[0]).to.equal(1);
    expect(guest.resume(0)).to.equal(undefined);
    expect(guest.resume(0)).to.deep.equal({ rc: 0, done: 2 });
    expect(guest.broken()).to.deep.equal([]);
  });

  it("a failure is returned when what it left has been taken down", () => {
    const guest = guestWithTables();
    guest.tables({ p11: ["p1|0x67", "p9|0x67"] });
    const updates: Update[] = [{ cmd: "normal", table: "p3", index: 1, entry: "p11|0x67" }];
    expect(guest.begin(0, { op: "mmu_update", updates })).to.be.true;
    expect(guest.isPartial("p11")).to.be.true;
    expect(guest.resume(0)).to.deep.equal({ rc: EINVAL, err: "EINVAL", done: 0 });
    expect(guest.broken()).to.deep.equal([]);
  });
});
