/** Taking an L1 down gives back what put_page_from_l1e() of each of its entries does, in each byte of the state. */
import { expect } from "chai";
import fc from "fast-check";
import { EV } from "../../abi/events.js";
import { _PAGE_PRESENT } from "../../abi/page.js";
import { demote_page } from "../../xen-model/demote.js";
import { put_page_from_l1e } from "../../xen-model/l1e-refs.js";
import { page_lock } from "../../xen-model/page-type.js";
import { TestGuest, withRules } from "./test-guest.js";

const often = <T>(weight: number, ...values: T[]) => ({ weight, arbitrary: fc.constantFrom(...values) });
const entry = fc.record({
  slot: fc.nat(511),
  /** Entries in a row. */
  length: fc.oneof(often(4, 1, 8, 16), often(1, 40)),
  frame: fc.oneof(
    often(10, "p10", "p11", "p12", "p13"),
    often(2, "p14", "p15", "none", "xen:261", "shared_info", "raw:0xfee00"),
    often(1, "raw:0x80000000", "beyond:p10"),
  ),
  flags: fc.oneof(often(8, 0x67, 0x65, 0x167), often(1, 0, 0x66, 0x64)),
});

const RULES = { "Xen's rules": {}, "writable mappings that take no type": { writable_takes_type: false } };

describe("demote_l1_table()", () => {
  for (const [name, rules] of Object.entries(RULES)) {
    it(`drops what each entry holds, under ${name}`, () => {
      const [fast, plain] = [guest(rules), guest(rules)];
      const table = fast.frame("p1");
      fc.assert(
        fc.property(fc.array(entry, { maxLength: 30 }), (entries) => {
          for (const each of [fast, plain]) {
            use(each);
            each.machine.mem.clear_page(table as never);
            for (const { slot, length, frame, flags } of entries)
              for (let at = slot; at < Math.min(512, slot + length); at++)
                each.machine.mem.set(table, at, frameOf(each, frame), flags);
          }
          expect(demote_page(fast.xen, 1, table, 1)).to.equal(0);
          demote_plainly(plain, table);
          expect(state(fast).equals(state(plain))).to.equal(true);
        }),
        { numRuns: 150 },
      );
    });
  }
});

/** Of "beyond:p10", a frame of 33 bits whose low 32 are p10's. */
function frameOf(guest: TestGuest, name: string): number {
  return name.startsWith("beyond:") ? 2 ** 32 + guest.frame(name.slice(7)) : guest.frame(name);
}

/** p14 is a table, and p15 locked data. */
function guest(rules: Parameters<typeof withRules>[0]): TestGuest {
  const made = new TestGuest({ rules: withRules(rules) });
  made.tables({ p14: [] });
  expect(made.pin(1, "p14")).to.equal(0);
  page_lock(made.xen, made.frame("p15"));
  return made;
}

/** Uses of the pages that entries name: some of p10 to p13 come to their end, and those of p14 and p15 all but for one. */
function use(guest: TestGuest): void {
  const { count, typeCount } = guest.xen.frames;
  for (const page of ["p10", "p11", "p12", "p13", "p14", "p15"]) {
    const mfn = guest.frame(page);
    count[mfn] = 2 ** 20;
    typeCount[mfn] = page < "p14" ? 40 : 4;
  }
}

function demote_plainly({ xen, machine }: TestGuest, table: number): void {
  const { mem, ledger } = machine;
  let present = 0;
  for (let slot = 0; slot < 512; slot++) {
    const flags = mem.flags(table, slot);
    if ((flags & _PAGE_PRESENT) !== 0) present++;
    put_page_from_l1e(xen, 1, mem.frame(table, slot), flags);
  }
  ledger.count(1, EV.demote_l1, 1);
  ledger.count(1, EV.demote_present_l1, present);
}

function state({ machine }: TestGuest): Buffer {
  machine.ledger.settle();
  return Buffer.from(machine.mem.words.buffer);
}
