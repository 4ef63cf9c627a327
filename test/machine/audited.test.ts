/** Machines whose Xen enforces the exclusive audit: who keeps the rule notices nothing, who breaks it does not get far. */
import { expect } from "chai";
import type { Vpn } from "../../abi/frames.js";
import { randomOps } from "../../experiments/synthetic/ops.js";
import { runOp, start } from "../../experiments/synthetic/run-ops.js";
import { CLONE_THREAD, CLONE_VM, copy_process } from "../../linux-mm-model/fork.js";
import { P4D_PAGES } from "../../linux-mm-model/pgtable.js";
import { context_switch, go_idle } from "../../linux-mm-model/sched.js";
import { sys_mmap } from "../../linux-mm-model/syscalls.js";
import { NO_FILE, VM_READ, VM_WRITE } from "../../linux-mm-model/vma.js";
import { onePcpuPerL4InGuest, onePcpuPerL4InXen } from "../../machine/invariants.js";
import { Machine } from "../../machine/machine.js";
import { ACCESS_WRITE } from "../../xen-model/hw/control.js";
import { brokenInvariants } from "../../xen-model/invariants.js";
import { bootedMachine } from "./booted-machine.js";

const KEEPERS = [
  "linux-per-thread-unlazy",
  "linux-per-mm-vcpu",
  "linux-per-vcpu",
  "linux-per-vcpu-local-flush",
] as const;

/** Xen's invariants, which take their time, are looked at behind every so many operations. */
const EVERY = 20;

describe("Under an enforced audit", () => {
  for (const name of KEEPERS) {
    it(`${name} does all its work: no L4 is refused, and no L4 is without its owner and its pCPU's slots`, () => {
      const booted = bootedMachine(name, { audit: "enforce", nrCpus: 3 });
      start(booted);
      const bytes = booted.snapshot();
      for (let seed = 0; seed < 3; seed++) {
        const machine = new Machine(booted.config, bytes.slice(0));
        randomOps(seed, 80, 3).forEach((op, i) => {
          runOp(machine, op);
          expect(onePcpuPerL4InGuest.broken(machine) + onePcpuPerL4InXen.broken(machine)).to.equal("");
          if (i % EVERY === 0) expect(brokenInvariants(machine.xen)).to.deep.equal([]);
        });
        expect([machine.xen.refused(), machine.ledger.total("hypercall_failed")]).to.deep.equal([0, 0]);
        expect(machine.ledger.total("audit_exclusive")).to.equal(
          machine.ledger.total("xen_slot_write") + machine.ledger.total("xen_slot_kept"),
        );
      }
    });
  }

  for (const name of ["linux-per-thread", "linux-per-thread-eager"] as const) {
    it(`${name} does not start its second vCPU: all of them boot on swapper_pg_dir`, () => {
      expect(() => bootedMachine(name, { audit: "enforce" })).to.throw(
        RangeError,
        /VCPUOP_initialise of vcpu 1 answers -EBUSY/,
      );
    });
  }
});

describe("The log of refused installations", () => {
  it("is in a machine's snapshot", () => {
    const machine = bootedMachine("linux-per-thread");
    const copy = new Machine(machine.config, machine.snapshot());
    expect(machine.xen.refused()).to.be.greaterThan(0);
    expect(copy.xen.lastRefusal()).to.equal(machine.xen.lastRefusal());
    expect(copy.xen.lastRefusal()).to.match(/^VCPUOP_initialise: vcpu 1, l4 mfn 0x[0-9a-f]+: vcpu 0 has it/);
  });
});

describe("With a root per vCPU", () => {
  it("a thread's new slot makes a pCPU that idles on the process's tables leave its root, and keeps the promise", () => {
    const machine = bootedMachine("xen-vcpu-root");
    start(machine);
    const { linux, xen, ledger } = machine;
    machine.syscall(0);
    const thread = copy_process(linux, 0, CLONE_VM | CLONE_THREAD, 77, 1);
    context_switch(linux, 1, thread);
    go_idle(linux, 1); // lazily on the process's pgd
    const slot9 = (9 * P4D_PAGES) as Vpn;
    sys_mmap(linux, 0, { start: slot9, pages: 4, flags: VM_READ | VM_WRITE, file: NO_FILE, pgoff: 0 });
    machine.return_to_user(0);
    ledger.clear();
    machine.touch(0, slot9, ACCESS_WRITE);
    expect(ledger.total("sync_execstate")).to.equal(1);
    expect(xen.xen_cr3(1)).to.equal(xen.pcpus.idle_l4[1]);
    expect(onePcpuPerL4InGuest.broken(machine) + onePcpuPerL4InXen.broken(machine)).to.equal("");
    machine.interrupt(1);
    expect([xen.xen_cr3(1), xen.guest_cr3(1)]).to.deep.equal([xen.vcpus.root[1], xen.vcpus.root[1]]);
    expect(brokenInvariants(xen)).to.deep.equal([]);
  });
});
