/** A new table that is hooked in one piece is what the calls leave one by one: in each byte of the state. */
import { expect } from "chai";
import fc from "fast-check";
import { linear_page, mfn } from "../../abi/frames.js";
import type { CallBuffer } from "../../abi/hypercalls.js";
import { push_normal_update } from "../../abi/mmu-update.js";
import { add_mmuext_op, MMUEXT_PIN_L1_TABLE, push_mmuext_op } from "../../abi/mmuext-op.js";
import { push_update_va_mapping } from "../../abi/update-va-mapping.js";
import { PGT_non_coherent, PGT_writable_page } from "../../xen-model/frame-table.js";
import { guestWithTables } from "./pinned-tables.js";
import type { TestGuest } from "./test-guest.js";

const often = <T>(weight: number, ...values: T[]) => ({ weight, arbitrary: fc.constantFrom(...values) });
/** p1..p4 are pinned tables, p5 an L1 that nobody uses; p10 and p11 are read-only data, all others are writable. */
const hook = fc.record({
  level: fc.constantFrom<1 | 2>(1, 2),
  page: fc.oneof(often(30, 12, 13, 14, 15), often(1, 1, 2, 5, 10)),
  at: fc.oneof(often(20, 0), often(1, 1)),
  readOnly: fc.oneof(often(20, 0x61, 0x65), often(1, 0x67, 0x60, 0x71)),
  upper: fc.oneof(often(20, 0), often(1, 1, 2, 3, 8)),
  slot: fc.oneof(often(20, 1, 7, 511), often(1, 0)),
  flags: fc.oneof(often(20, 0x67, 0x61), often(1, 0x66, 0xe7)),
  vcpu: fc.nat(1),
});
type Hook = typeof hook extends fc.Arbitrary<infer T> ? T : never;

describe("A new table, hooked in one piece", () => {
  for (const root of ["shared", "xpti", "xpti-copy-always"] as const) {
    it(`is what it is one by one, with root ${root}`, () => {
      const [fast, plain] = [guestWithTables(root), guestWithTables(root)];
      const taken = [0, 0, 0];
      let left = 0;
      fc.assert(
        fc.property(hook, (one) => {
          if (at_once(fast, one)) taken[one.level]!++;
          else {
            left++;
            one_by_one(fast, one);
          }
          one_by_one(plain, one);
          forget(fast);
          forget(plain);
          expect(state(fast).equals(state(plain))).to.equal(true);
          expect(fast.broken()).to.deep.equal([]);
          for (const guest of [fast, plain]) unhook(guest, one);
        }),
        { numRuns: 400 },
      );
      for (const n of [taken[1], taken[2], left]) expect(n).to.be.above(30);
    });
  }

  const boring: Hook = {
    level: 1,
    page: 12,
    at: 0,
    readOnly: 0x61,
    upper: 0,
    slot: 1,
    flags: 0x67,
    vcpu: 0,
  };
  const others: Record<string, (guest: TestGuest) => void> = {
    "runs a program": ({ xen }) => xen.iret(0, true),
    "is blocked": ({ xen }) => xen.block(0),
    "has a table to take down": ({ xen }) => (xen.vcpus.old_guest_table[0] = 1),
    "is watched": ({ xen }) => (xen.race_window = () => undefined),
    "is explained": ({ xen }) => (xen.log.enabled = true),
  };
  for (const [what, change] of Object.entries(others)) {
    it(`is none where the vCPU ${what}`, () => {
      const guest = guestWithTables("shared");
      change(guest);
      expect(at_once(guest, boring)).to.equal(false);
    });
  }

  it("is none of a page that is mapped twice, or has been mapped past the caches", () => {
    const guest = guestWithTables("shared");
    guest.set("p1", 7, "p12|0x67");
    guest.xen.frames.typeFlags[guest.frame("p13")]! |= PGT_non_coherent;
    for (const page of [12, 13]) expect(at_once(guest, { ...boring, page })).to.equal(false);
    expect(at_once(guest, { ...boring, page: 14 })).to.equal(true);
  });

  it("is none where the mapping is read-only, or one of a frame of more than 32 bits", () => {
    const guest = guestWithTables("shared");
    guest.set("p1", 7, "p11|0x67");
    expect(at_once(guest, { ...boring, page: 11 })).to.equal(false);
    const { xen, machine } = guest;
    const l1e = xen.processor.used_l1e(xen.vcpus.guest_table[0]!, guest.vpn(12));
    machine.mem.words[l1e + 1]! |= 2 ** 24;
    expect(at_once(guest, boring)).to.equal(false);
  });

  it("is none with cache attributes, whether the guest may choose them or not", () => {
    expect(at_once(guestWithTables("shared"), { ...boring, readOnly: 0x71 })).to.equal(false);
  });

  it("is none where the calls can be preempted", () => {
    expect(at_once(guestWithTables("shared", 1000), boring)).to.equal(false);
  });
});

/** Table above: p2 for an L1, p3 for an L2, or one further up. */
const upperOf = ({ level, upper }: Hook): string => `p${level + 1 + upper}`;

function at_once(guest: TestGuest, one: Hook): boolean {
  const table = guest.frame(`p${one.page}`);
  const at = guest.vpn(one.page + one.at);
  const upper = guest.frame(upperOf(one));
  return guest.xen.hook_new_table(one.vcpu, one.level, table, at, one.readOnly, upper, one.slot, one.flags);
}

function one_by_one(guest: TestGuest, one: Hook): void {
  const { xen, machine } = guest;
  const calls = machine.calls[one.vcpu]!;
  const table = guest.frame(`p${one.page}`);
  if (xen.frames.type[table] === PGT_writable_page) machine.mem.clear_page(mfn(table));
  calls.reset();
  push_update_va_mapping(calls, linear_page(guest.vpn(one.page + one.at)), table, one.readOnly, 0);
  if (one.level === 1) {
    push_mmuext_op(calls);
    add_mmuext_op(calls, MMUEXT_PIN_L1_TABLE, table);
    xen.multicall(one.vcpu, calls, 2);
  } else xen.hypercall(one.vcpu, calls, 0);
  calls.reset();
  push_normal_update(calls, guest.frame(upperOf(one)), one.slot, table, one.flags);
  xen.hypercall(one.vcpu, calls, 0);
}

/** The buffers of calls are the guest's, and their rest another test's: test/machine/at-once.test.ts. */
function forget({ machine }: TestGuest): void {
  for (const calls of machine.calls) wipe(calls);
}

function wipe(calls: CallBuffer): void {
  for (const column of Object.values(calls)) if (ArrayBuffer.isView(column)) (column as Uint8Array).fill(0);
}

/** All as it was before. */
function unhook(guest: TestGuest, one: Hook): void {
  guest.set(upperOf(one), one.slot, one.slot === 0 ? (KEPT[upperOf(one)] ?? "none|0x0") : "none|0x0");
  if (one.page < 5) return;
  guest.unpin(`p${one.page}`);
  if (one.page >= 12) guest.home("rw", `p${one.page}`, `p${one.page + one.at}`);
}

/** What slot 0 of the pinned tables holds. */
const KEPT: Record<string, string> = { p2: "p1|0x67", p3: "p2|0x67", p4: "p3|0x67" };

function state({ machine }: TestGuest): Buffer {
  machine.ledger.settle();
  return Buffer.from(machine.mem.words.buffer);
}
