/** The hypercall that loads both L4s in one piece does what do_mmuext_op() does: the same answers, and each byte of the state. */
import { expect } from "chai";
import fc from "fast-check";
import { ERESTART } from "../../abi/errno.js";
import { DOMID_IO, DOMID_SELF } from "../../abi/hypercalls.js";
import {
  add_mmuext_op,
  MMUEXT_NEW_BASEPTR,
  MMUEXT_NEW_USER_BASEPTR,
  push_mmuext_op,
} from "../../abi/mmuext-op.js";
import { load_both_tables } from "../../xen-model/load-both-tables.js";
import { NOT_PLAIN } from "../../xen-model/update-one-l1e.js";
import type { XenConfig } from "../../xen-model/xen-config.js";
import { TestGuest } from "./test-guest.js";

/** Pages of L4s; all but the last are pinned. */
const L4S = Array.from({ length: 11 }, (_, page) => `p${page}`);
const PINNED = L4S.slice(0, -1);

const often = <T>(weight: number, ...values: T[]) => ({ weight, arbitrary: fc.constantFrom(...values) });
const l4 = fc.oneof(often(20, ...PINNED), often(2, "p10", "base_l4"), often(1, "none", "p11", "raw:0xfee00"));
const load = fc.record({
  kernel: l4,
  user: l4,
  cmds: fc.oneof(
    often(12, [MMUEXT_NEW_BASEPTR, MMUEXT_NEW_USER_BASEPTR]),
    often(1, [MMUEXT_NEW_USER_BASEPTR, MMUEXT_NEW_BASEPTR], [MMUEXT_NEW_BASEPTR]),
  ),
  domid: fc.oneof(often(20, DOMID_SELF), often(1, DOMID_IO)),
  vcpu: fc.nat(1),
});

const CONFIGS: Record<string, Partial<XenConfig>> = {
  shared: { root: "shared" },
  "xpti with PCID": { root: "xpti", pcid: true },
  "xpti-copy-always": { root: "xpti-copy-always" },
  "vcpu-root": { root: "vcpu-root" },
  "an audit that refuses": { root: "shared", exclusive: "enforce" },
  "an audit that observes": { root: "shared", exclusive: "observe" },
};

describe("an mmuext_op that loads both L4s, in one piece", () => {
  for (const [name, config] of Object.entries(CONFIGS)) {
    it(`answers and leaves what the plain form does, with ${name}`, () => {
      const [fast, plain] = [guest(config), guest(config)];
      let taken = 0;
      let left = 0;
      fc.assert(
        fc.property(fc.array(load, { minLength: 10, maxLength: 30 }), (loads) => {
          for (const one of loads) {
            for (const guest of [fast, plain]) queue(guest, one);
            const { vcpu } = one;
            const answer = load_both_tables(fast.xen, vcpu, fast.machine.calls[vcpu]!, 0);
            const rc = answer === NOT_PLAIN ? plainly(fast, vcpu) : answer;
            expect(rc).to.equal(plainly(plain, vcpu));
            if (answer === NOT_PLAIN) left++;
            else taken++;
            expect(fast.machine.calls[vcpu]!.done[0]).to.equal(plain.machine.calls[vcpu]!.done[0]);
            expect(fast.machine.calls[vcpu]!.rc[0]).to.equal(plain.machine.calls[vcpu]!.rc[0]);
          }
          expect(state(fast).equals(state(plain))).to.equal(true);
        }),
        { numRuns: 60 },
      );
      expect(taken).to.be.above(80);
      expect(left).to.be.above(80);
      expect(fast.broken()).to.deep.equal([]);
    });
  }
});

function guest(config: Partial<XenConfig>): TestGuest {
  const made = new TestGuest(config);
  made.tables({ p14: [], p13: ["p14|0x67"], p12: ["p13|0x67"] });
  for (const page of L4S) {
    made.write(page, "p12|0x67");
    made.do({ op: "write", page, index: 511, entry: "base_l3|0x67" });
  }
  made.home("ro", ...L4S);
  for (const page of PINNED) expect(made.pin(4, page)).to.equal(0);
  made.xen.vcpu_initialise(1, made.frame("p9")); // under an exclusive audit it has not been
  return made;
}

interface Load {
  readonly kernel: string;
  readonly user: string;
  readonly cmds: readonly number[];
  readonly domid: number;
  readonly vcpu: number;
}

function queue({ machine }: TestGuest, { kernel, user, cmds, domid, vcpu }: Load): void {
  const calls = machine.calls[vcpu]!;
  calls.reset();
  push_mmuext_op(calls, domid);
  for (const cmd of cmds)
    add_mmuext_op(calls, cmd, machine.frameOf(cmd === MMUEXT_NEW_BASEPTR ? kernel : user));
}

/** The call as do_mmuext_op() does it. */
function plainly({ xen, machine }: TestGuest, vcpu: number): number {
  const calls = machine.calls[vcpu]!;
  let rc = xen.begin_hypercall(vcpu, calls, 0);
  while (rc === -ERESTART) rc = xen.resume_hypercall(vcpu, calls, 0);
  return rc;
}

function state({ machine }: TestGuest): Buffer {
  machine.ledger.settle();
  return Buffer.from(machine.mem.words.buffer);
}
