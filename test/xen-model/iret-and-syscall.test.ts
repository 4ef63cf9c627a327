/** A return to user mode and a system call behind it, in one piece, leave what the two leave: each byte of the state. */
import { expect } from "chai";
import fc from "fast-check";
import { CAUSE } from "../../abi/ledger.js";
import type { XenConfig } from "../../xen-model/xen-config.js";
import { TestGuest } from "./test-guest.js";

/** What a pCPU may have, and what may have happened to it; frames by their names. */
const beginning = fc.record({
  xenCr3: fc.constantFrom("p0", "p1"),
  window: fc.constantFrom("p0", "p1"),
  changed: fc.nat(1),
  lost: fc.nat(3),
  kernelMode: fc.oneof({ weight: 6, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.constant(0) }),
  inRoot: fc.nat(500),
});

const CONFIGS: Record<string, Partial<XenConfig>> = {
  shared: { root: "shared" },
  "xpti with PCID": { root: "xpti", pcid: true },
  "xpti without PCID": { root: "xpti" },
  "xpti-copy-always": { root: "xpti-copy-always" },
  "vcpu-root": { root: "vcpu-root" },
};

describe("a return to user mode and the system call behind it, in one piece", () => {
  for (const [name, config] of Object.entries(CONFIGS)) {
    it(`leave what one after the other leaves, with ${name}`, () => {
      const [fast, plain] = [guest(config), guest(config)];
      fc.assert(
        fc.property(beginning, (at) => {
          for (const { xen, machine } of [fast, plain]) {
            const root = xen.pcpus.root_pgt[0]!;
            xen.pcpus.set_xen_cr3(0, machine.frameOf(at.xenCr3));
            if (config.root === "shared") xen.pcpus.set_guest_cr3(0, machine.frameOf(at.xenCr3));
            xen.vcpus.l4_window[0] = machine.frameOf(at.window);
            xen.pcpus.root_pgt_changed[0] = at.changed;
            xen.pcpus.lost[0] = at.lost;
            xen.vcpus.kernel_mode[0] = at.kernelMode;
            if (root !== 0) xen.mem.set(root, at.inRoot < 256 ? at.inRoot : 272, 7, 0x67);
          }
          fast.xen.iret_and_syscall(0);
          plain.xen.iret(0, true);
          const before = plain.machine.ledger.enter(0, CAUSE.syscall);
          plain.xen.syscall(0);
          plain.machine.ledger.enter(0, before);
          expect(state(fast).equals(state(plain))).to.equal(true);
        }),
        { numRuns: 40 },
      );
      expect(fast.machine.ledger.total("syscall_entry")).to.be.above(39);
    });
  }
});

function guest(config: Partial<XenConfig>): TestGuest {
  const made = new TestGuest(config);
  made.tables({ p16: [], p15: ["p16|0x67"] });
  for (const page of ["p0", "p1"]) {
    made.do({ op: "write", page, index: 511, entry: "base_l3|0x67" });
    made.home("ro", page);
    expect(made.pin(4, page)).to.equal(0);
  }
  expect(made.mmuext("new_baseptr", "p0")).to.equal(0);
  expect(made.mmuext("new_user_baseptr", "p1")).to.equal(0);
  return made;
}

function state({ machine }: TestGuest): Buffer {
  machine.ledger.settle();
  return Buffer.from(machine.mem.words.buffer);
}
