/** Many mmu_updates of one L1 entry in one piece leave what they leave one by one: the answers, and each byte of the state. */
import { expect } from "chai";
import fc from "fast-check";
import type { Vpn } from "../../abi/frames.js";
import { add_mmuext_op, MMUEXT_INVLPG_LOCAL, push_mmuext_op } from "../../abi/mmuext-op.js";
import { EntryRun, push_normal_update } from "../../abi/mmu-update.js";
import { guestWithTables } from "./pinned-tables.js";
import { PGT_l1_page_table } from "../../xen-model/frame-table.js";
import { get_page_and_type_from_mfn, set_old_guest_table } from "../../xen-model/page-type.js";
import type { XenConfig } from "../../xen-model/xen-config.js";
import { TestGuest } from "./test-guest.js";

const often = <T>(weight: number, ...values: T[]) => ({ weight, arbitrary: fc.constantFrom(...values) });
const frame = fc.oneof(
  often(30, "p9", "p10", "p11", "p12"),
  often(1, "none", "p1", "p2", "xen:261", "shared_info", "raw:0xa0", "raw:0xfee00"),
);
const calls = fc.record({
  table: fc.oneof(often(20, "p1"), often(1, "p2", "p4", "p5", "p9", "xen:261")),
  slots: fc.uniqueArray(fc.integer({ min: 1, max: 511 }), { minLength: 3, maxLength: 16 }),
  frames: fc.array(frame, { minLength: 16, maxLength: 16 }),
  flags: fc.oneof(often(10, 0x65, 0x25, 0x1), often(2, 0x67, 0, 0x11), {
    weight: 1,
    arbitrary: fc.nat(0xfff),
  }),
  vcpu: fc.nat(1),
});

describe("mmu_updates of one L1 entry in a row, in one piece", () => {
  for (const root of ["shared", "xpti", "xpti-copy-always"] as const) {
    it(`leave what they leave one by one, with root ${root}`, () => {
      const [fast, plain] = [guestWithTables(root), guestWithTables(root)];
      let taken = 0;
      let left = 0;
      fc.assert(
        fc.property(calls, ({ table, slots, frames, flags, vcpu }) => {
          const run = new EntryRun();
          slots.forEach((slot, i) => run.add(slot, fast.frame(frames[i]!)));
          const last = run.n - 1;
          const mfn = fast.frame(table);
          if (fast.xen.update_l1es(vcpu, mfn, run, 0, run.n, flags)) {
            taken++;
            request(fast, vcpu, mfn, run, last, flags).done[0] = 1; // as Linux leaves its buffer
          } else {
            left++;
            for (let i = 0; i <= last; i++) call(fast, vcpu, mfn, run, i, flags);
          }
          for (let i = 0; i <= last; i++) call(plain, vcpu, mfn, run, i, flags);
          expect(state(fast).equals(state(plain))).to.equal(true);
          for (const slot of slots) for (const guest of [fast, plain]) guest.set("p1", slot, "none|0x0");
        }),
        { numRuns: 300 },
      );
      expect(taken).to.be.above(30);
      expect(left).to.be.above(30);
    });
  }
});

describe("flushes of pages in a row, in one piece", () => {
  /** What is done before, and whether the flushes are then left to be made one by one. */
  const cases: [
    name: string,
    options: Partial<XenConfig>,
    before: (guest: TestGuest) => void,
    left: boolean,
  ][] = [
    ["with nothing lost", {}, () => undefined, false],
    ["behind a flush of all", {}, (guest) => guest.mmuext("TLB_FLUSH_LOCAL"), false],
    ["with PCID under XPTI", { root: "xpti", pcid: true }, (guest) => guest.mmuext("TLB_FLUSH_LOCAL"), false],
    ["by a vCPU that was blocked", {}, ({ xen }) => xen.block(0), true],
    ["by a vCPU in user mode", {}, ({ xen }) => (xen.vcpus.kernel_mode[0] = 0), true],
    ["with a table to be taken down first", {}, leave_old_table, true],
    ["into a TLB", { tlb: { sets: 16, ways: 2 } }, () => undefined, true],
  ];
  for (const [name, options, before, left] of cases) {
    it(`${left ? "are not made" : "leave what they leave one by one"}, ${name}`, () => {
      for (const n of [1, 2, 3, 33]) {
        const [fast, plain] = [options, options].map((each) => new TestGuest(each)) as [TestGuest, TestGuest];
        for (const guest of [fast, plain]) {
          guest.tables({ p5: [] });
          before(guest);
        }
        expect(fast.xen.flush_pages(0, 0x1234 as Vpn, n)).to.equal(!left);
        if (!left) for (let i = 0; i < n; i++) invlpg(plain, 0x1234 + i);

        invlpg(fast, 0x2000);
        invlpg(plain, 0x2000);
        expect(state(fast).equals(state(plain)), `${n} pages`).to.equal(true);
      }
    });
  }
});

function leave_old_table(guest: TestGuest): void {
  const { xen } = guest;
  const old = guest.frame("p5");
  expect(get_page_and_type_from_mfn(xen, 0, old, PGT_l1_page_table, 0)).to.equal(0);
  set_old_guest_table(xen, 0, old, -1, false);
}

/** MMUEXT_INVLPG_LOCAL as a hypercall of its own. */
function invlpg({ xen, machine }: TestGuest, page: number): void {
  const buffer = machine.calls[0]!;
  buffer.reset();
  push_mmuext_op(buffer);
  add_mmuext_op(buffer, MMUEXT_INVLPG_LOCAL, 0, page);
  xen.hypercall(0, buffer, 0);
}

/** Request `i` as a hypercall of its own. */
function call(guest: TestGuest, vcpu: number, table: number, run: EntryRun, i: number, flags: number): void {
  guest.xen.hypercall(vcpu, request(guest, vcpu, table, run, i, flags), 0);
}

function request(guest: TestGuest, vcpu: number, table: number, run: EntryRun, i: number, flags: number) {
  const buffer = guest.machine.calls[vcpu]!;
  push_normal_update(buffer, table, run.slot[i]!, run.frame[i]!, flags);
  return buffer;
}

function state({ machine }: TestGuest): Buffer {
  machine.ledger.settle();
  return Buffer.from(machine.mem.words.buffer);
}
