/** Requests for entries of L1s, in a row and in one piece, do what they do step by step: the same answers, reasons, and each byte of the state. */
import { expect } from "chai";
import fc from "fast-check";
import { ERESTART } from "../../abi/errno.js";
import { DOMID_IO, DOMID_SELF } from "../../abi/hypercalls.js";
import { add_mmu_update, push_mmu_update } from "../../abi/mmu-update.js";
import type { XenConfig } from "../../xen-model/xen-config.js";
import { TestGuest, withRules } from "./test-guest.js";

const often = <T>(weight: number, ...values: T[]) => ({ weight, arbitrary: fc.constantFrom(...values) });
const update = fc.record({
  table: fc.oneof(often(40, "p1", "p6"), often(1, "p2", "p4", "p5", "p9", "xen:261", "beyond:p1")),
  slot: fc.constantFrom(0, 1, 2, 511),
  frame: fc.oneof(
    often(30, "p9", "p10", "p11", "p12"),
    often(3, "p1", "p6"),
    often(1, "none", "p2", "xen:261", "raw:0xfee00"),
  ),
  flags: fc.oneof(often(8, 0x67, 0x65, 0, 0x7, 0x1), { weight: 1, arbitrary: fc.nat(0xfff) }),
  cmd: fc.oneof(often(30, 0, 2), { weight: 1, arbitrary: fc.nat(7) }),
});
const call = fc.record({
  updates: fc.array(update, { maxLength: 12 }),
  domid: fc.oneof(often(20, DOMID_SELF), often(1, DOMID_IO)),
  vcpu: fc.nat(1),
});
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

const CONFIGS: Record<string, Partial<XenConfig>> = {
  "root shared": {},
  "root xpti": { root: "xpti" },
  preemption: { preempt: 3 },
  "tables mapped to be written": { mapDomainPage: "vcpu" },
  "the lock that stays behind an error": { rules: withRules({ unlock_on_error: false }) },
};

describe("requests of an mmu_update for entries of L1s in use, in one piece", () => {
  for (const [name, config] of Object.entries(CONFIGS)) {
    it(`answer and leave what they do step by step, with ${name}`, () => {
      const [fast, plain] = [guest(config), guest(config)];
      fc.assert(
        fc.property(fc.array(call, { minLength: 5, maxLength: 15 }), (calls) => {
          for (const one of calls) expect(make(fast, one, true)).to.deep.equal(make(plain, one, false));
          expect(state(fast).equals(state(plain))).to.equal(true);
          const [said, saidPlainly] = [fast, plain].map(({ xen }) => xen.log.decisions.splice(0));
          expect(said).to.deep.equal(saidPlainly);
        }),
        { numRuns: 80 },
      );
      for (const event of ["l1e_set", "l1e_changed", "l1e_cleared", "hypercall_failed"] as const)
        expect(fast.machine.ledger.total(event), event).to.be.above(50);
    });
  }
});

/** p1 and p6 are L1s in use, p5 one that nobody uses. */
function guest(config: Partial<XenConfig>): TestGuest {
  const made = new TestGuest(config);
  made.tables({
    p10: [],
    p11: [],
    p5: [],
    p6: [],
    p1: [],
    p2: ["p1|0x67", "p6|0x67"],
    p3: ["p2|0x67"],
    p4: ["p3|0x67"],
  });
  for (const level of [1, 2, 3, 4]) made.pin(level, `p${level}`);
  made.xen.log.enabled = true;
  return made;
}

/** Make the call; its registers behind it, and its answer. */
function make({ xen, machine }: TestGuest, { updates, domid, vcpu }: Call, inPlace: boolean): number[] {
  const calls = machine.calls[vcpu]!;
  calls.reset();
  push_mmu_update(calls, domid);
  for (const { cmd, table, slot, frame, flags } of updates)
    add_mmu_update(calls, cmd, frameOf(machine, table), slot, machine.frameOf(frame), flags);
  let rc = xen.begin_hypercall(vcpu, calls, 0, inPlace);
  while (rc === -ERESTART) rc = xen.resume_hypercall(vcpu, calls, 0, inPlace);
  return [rc, calls.done[0]!, calls.first[0]!, calls.count[0]!, calls.domid[0]!];
}

/** Of "beyond:p1", a frame of 33 bits whose low 32 are p1's. */
function frameOf(machine: TestGuest["machine"], name: string): number {
  return name.startsWith("beyond:") ? 2 ** 32 + machine.frameOf(name.slice(7)) : machine.frameOf(name);
}

function state({ machine }: TestGuest): Buffer {
  machine.ledger.settle();
  return Buffer.from(machine.mem.words.buffer);
}
