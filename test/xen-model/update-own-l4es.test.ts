/** A load that rewrites the L4s a vCPU runs on, in one piece, does what its entries into Xen do: the same answers, and each byte of the state. */
import { expect } from "chai";
import fc from "fast-check";
import { ERESTART } from "../../abi/errno.js";
import { DOMID_IO, DOMID_SELF } from "../../abi/hypercalls.js";
import { add_mmu_update, push_mmu_update } from "../../abi/mmu-update.js";
import {
  add_mmuext_op,
  MMUEXT_TLB_FLUSH_ALL,
  MMUEXT_TLB_FLUSH_LOCAL,
  push_mmuext_op,
} from "../../abi/mmuext-op.js";
import type { XenConfig } from "../../xen-model/xen-config.js";
import { TestGuest } from "./test-guest.js";

/** p10..p12 are pinned L3s, and p13 is an L3 that nobody uses yet. */
const L4S = ["p0", "p1", "p2", "p3"];
/** Each vCPU's L4s for kernel and user mode. */
const OWN: Loaded = [
  ["p0", "p1"],
  ["p2", "p3"],
];
const ONE_SHARED: Loaded = [
  ["p0", "p1"],
  ["p0", "p3"],
];
type Loaded = readonly (readonly [string, string])[];

const often = <T>(weight: number, ...values: T[]) => ({ weight, arbitrary: fc.constantFrom(...values) });
const update = fc.record({
  table: fc.oneof(often(20, "kernel", "user"), often(1, "p0", "p3", "base_l4", "p10", "raw:0xfee00")),
  slot: fc.oneof(often(20, 0, 1, 2, 255), often(1, 256, 272)),
  frame: fc.oneof(often(20, "p10", "p11", "p12"), often(2, "p13", "p0", "none", "raw:0xfee00")),
  flags: fc.oneof(often(12, 0x67, 0x7, 0), often(1, 0x65, 0x87, 0x66, 0x800067)),
  cmd: fc.oneof(often(30, 0), often(1, 1, 2, 3)),
});
const load = fc.record({
  updates: fc.array(update, { maxLength: 8 }),
  flush: fc.oneof(often(8, MMUEXT_TLB_FLUSH_LOCAL), often(1, MMUEXT_TLB_FLUSH_ALL)),
  domid: fc.oneof(often(20, DOMID_SELF), often(1, DOMID_IO)),
  vcpu: fc.nat(1),
  byMulticall: fc.boolean(),
});

const OWNER: Partial<XenConfig> = { root: "shared", exclusive: "observe", flush: "owner" };
const CONFIGS: Record<string, [Partial<XenConfig>, Loaded]> = {
  shared: [{ root: "shared" }, OWN],
  xpti: [{ root: "xpti" }, OWN],
  "flushes of the owner alone": [OWNER, OWN],
  "flushes of the owner alone, and an L4 that has two": [OWNER, ONE_SHARED],
};

describe("an mmu_update of the L4s that a vCPU runs on, and the flush behind it, in one piece", () => {
  for (const [name, [config, loaded]] of Object.entries(CONFIGS)) {
    it(`answers and leaves what the entries into Xen do, with ${name}`, () => {
      const [fast, plain] = [guest(config, loaded), guest(config, loaded)];
      plain.xen.race_window = () => undefined; // nobody there, but each step is taken
      fc.assert(
        fc.property(fc.array(load, { minLength: 5, maxLength: 15 }), (loads) => {
          for (const one of loads)
            expect(make(fast, loaded[one.vcpu]!, one, false)).to.deep.equal(
              make(plain, loaded[one.vcpu]!, one, true),
            );
          expect(state(fast).equals(state(plain))).to.equal(true);
        }),
        { numRuns: 60 },
      );
      for (const event of ["l4e_set", "l4e_changed", "l4e_cleared", "continuation", "tlb_flush_op"] as const)
        expect(fast.machine.ledger.total(event), event).to.be.above(50);
      expect(fast.broken()).to.deep.equal([]);
    });
  }
});

function guest(config: Partial<XenConfig>, loaded: Loaded): TestGuest {
  const made = new TestGuest(config);
  made.tables({ p16: [], p15: ["p16|0x67"], p13: ["p15|0x67"] });
  for (const page of ["p10", "p11", "p12"]) made.write(page, "p15|0x67");
  for (const page of L4S) made.do({ op: "write", page, index: 511, entry: "base_l3|0x67" });
  made.home("ro", "p10", "p11", "p12", ...L4S);
  for (const page of ["p10", "p11", "p12"]) expect(made.pin(3, page)).to.equal(0);
  for (const page of L4S) expect(made.pin(4, page)).to.equal(0);
  loaded.forEach(([kernel, user], vcpu) => {
    expect(made.mmuext("new_baseptr", kernel, vcpu)).to.equal(0);
    expect(made.mmuext("new_user_baseptr", user, vcpu)).to.equal(0);
  });
  return made;
}

type Load = typeof load extends fc.Arbitrary<infer T> ? T : never;

/** Make the two calls; the guest's registers of both, and what became of them. */
function make(
  { xen, machine }: TestGuest,
  [kernel, user]: Loaded[number],
  load: Load,
  plainly: boolean,
): number[] {
  const { vcpu, updates, domid, flush } = load;
  const calls = machine.calls[vcpu]!;
  calls.reset();
  push_mmu_update(calls, domid);
  for (const { cmd, table, slot, frame, flags } of updates) {
    const page = table === "kernel" ? kernel : table === "user" ? user : table;
    add_mmu_update(calls, cmd, machine.frameOf(page), slot, machine.frameOf(frame), flags);
  }
  push_mmuext_op(calls, domid);
  add_mmuext_op(calls, flush, 0);
  if (load.byMulticall) xen.multicall(vcpu, calls, 2);
  else {
    for (const row of [0, 1]) {
      if (!plainly) xen.hypercall(vcpu, calls, row);
      else {
        const [first, count] = [calls.first[row]!, calls.count[row]!];
        let rc = xen.begin_hypercall(vcpu, calls, row);
        while (rc === -ERESTART) rc = xen.resume_hypercall(vcpu, calls, row);
        calls.first[row] = first;
        calls.count[row] = count;
        calls.domid[row] = domid;
      }
    }
  }
  return [calls.rc, calls.done, calls.first, calls.count, calls.domid].flatMap((of) => [
    ...of.subarray(0, 2),
  ]);
}

function state({ machine }: TestGuest): Buffer {
  machine.ledger.settle();
  return Buffer.from(machine.mem.words.buffer);
}
