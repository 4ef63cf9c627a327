import { expect } from "chai";
import { start } from "../../experiments/synthetic/run-ops.js";
import type { Machine } from "../../machine/machine.js";
import { lost_all } from "../../xen-model/refill.js";
import { bootedMachine, type PROPOSALS } from "./booted-machine.js";

type Name = (typeof PROPOSALS)[number];

/** Refills of the kernel's and the program's pages on CPU 0 during `work`, after a system call that warmed both up. */
function refills(
  name: Name,
  pcid: boolean,
  work: (machine: Machine) => void,
): [kernel: number, user: number] {
  const machine = bootedMachine(name, { pcid });
  start(machine);
  machine.syscall(0);
  machine.return_to_user(0);
  machine.ledger.clear();
  work(machine);
  return [machine.ledger.total("refill_kernel"), machine.ledger.total("refill_user")];
}

const syscall = (m: Machine): void => {
  m.syscall(0);
  m.return_to_user(0);
};

describe("TLB refills (xen-model/refill.ts)", () => {
  for (const [name, pcid, kernel, user, why] of [
    ["shared", false, 1, 0, "both switches of mode drop the kernel's entries, and it runs once"],
    ["xpti", true, 0, 0, "with PCID no write of CR3 drops any"],
    ["xpti", false, 1, 1, "six writes of CR3 drop all, and each mode runs once"],
    ["xen-vcpu-root", true, 1, 0, "its switch of mode drops what that of 6.1 does"],
  ] as const) {
    const pcidText = pcid ? "with" : "without";
    it(`a system call under ${name} ${pcidText} PCID: ${kernel} of the kernel, ${user} of the program: ${why}`, () => {
      expect(refills(name, pcid, syscall)).to.deep.equal([kernel, user]);
    });
  }

  it("a loss of all entries while in the kernel is paid there at once, and by the program when it runs again", () => {
    const flush = (m: Machine): void => {
      m.syscall(0);
      m.ledger.clear();
      m.linux.pv.flush_tlb_mm_range(0, 1, 0, 1 << 20);
    };
    expect(refills("shared", false, flush)).to.deep.equal([1, 0]);
    expect(
      refills("shared", false, (m) => {
        flush(m);
        m.return_to_user(0);
      }),
    ).to.deep.equal([1, 1]);
  });

  for (const name of ["shared", "control-pv32"] as const) {
    it(`a loss of all entries while the program runs is paid by the kernel at its system call, under ${name}`, () => {
      const lost = (m: Machine): void => {
        lost_all(m.xen, 0);
        m.syscall(0);
      };
      expect(refills(name, false, lost)).to.deep.equal([1, 0]);
    });
  }

  it("several losses before the program runs again are one refill", () => {
    const twice = (m: Machine): void => {
      m.syscall(0);
      for (let i = 0; i < 2; i++) m.linux.pv.flush_tlb_mm_range(0, 1, 0, 1 << 20);
      m.return_to_user(0);
    };
    const [, user] = refills("shared", false, twice);
    expect(user).to.equal(1);
  });
});
