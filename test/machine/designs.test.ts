import { expect } from "chai";
import { randomOps } from "../../experiments/synthetic/ops.js";
import { runOp, start } from "../../experiments/synthetic/run-ops.js";
import { shortestHistory } from "../../experiments/synthetic/shortest-history.js";
import {
  everyTypedL4IsListed,
  kernelHalfIsComplete,
  l2TablesShowTheBook,
  type MachineInvariant,
  noHypercallFails,
  onePcpuPerL4InGuest,
  onePcpuPerL4InXen,
  onePcpuPerUserL4,
  referenceIsMarkedPinned,
  tablesShowTheReference,
} from "../../machine/invariants.js";
import { Machine } from "../../machine/machine.js";
import type { TopLevelDesign } from "../../linux-mm-model/top-level/design.js";
import { CAUSE } from "../../abi/ledger.js";
import type { Linux } from "../../linux-mm-model/linux.js";
import { bootedMachine, type PROPOSALS } from "./booted-machine.js";
import { driveDesigns } from "./drive-designs.js";

describe("generated work: fork, threads, exec, migration, idle, slots, kernel threads, hotplug, suspend", () => {
  driveDesigns(20, 80);
});

/** Does generated work break `invariant` on a machine whose design was changed by `mutate`? */
function caught(
  name: (typeof PROPOSALS)[number],
  invariant: MachineInvariant,
  mutate: (top: TopLevelDesign, machine: Machine) => void,
): boolean {
  const booted = bootedMachine(name, { nrCpus: 2 });
  start(booted);
  const bytes = booted.snapshot();
  for (let seed = 0; seed < 30; seed++) {
    const machine = new Machine(booted.config, bytes.slice(0));
    mutate(machine.linux.top, machine);
    for (const op of randomOps(seed, 80, 2)) {
      let down = false; // as a broken kernel may go
      try {
        runOp(machine, op);
      } catch {
        down = true;
      }
      if (invariant.broken(machine) !== "") return true;
      if (down) break;
    }
  }
  return false;
}

describe("a broken design is caught by the invariant that names what it breaks", () => {
  it("onePcpuPerL4InGuest: threads of one process share mm->pgd", () => {
    expect(caught("shared", onePcpuPerL4InGuest, () => undefined)).to.equal(true);
  });

  it("onePcpuPerL4InXen: XPTI leaves the guest's L4 in %cr3 while Xen runs", () => {
    expect(caught("xpti", onePcpuPerL4InXen, () => undefined)).to.equal(true);
  });

  it("tablesShowTheReference: set_p4d() of the reference does not reach the pairs that mirror it", () => {
    const mutate = (top: TopLevelDesign): void => void (top.propagate = () => undefined);
    expect(caught("linux-per-vcpu", tablesShowTheReference, mutate)).to.equal(true);
  });

  it("l2TablesShowTheBook: a 32-bit kernel leaves an L1 table that it has freed in the L2 that the processor walks", () => {
    const mutate = (_: TopLevelDesign, { linux }: Machine): void => {
      linux.pae!.leave = () => -1;
    };
    expect(caught("control-pv32", l2TablesShowTheBook, mutate)).to.equal(true);
  });

  it("noHypercallFails: a cleared slot stays in a replica, so its L3 table cannot become writable (I-1)", () => {
    const mutate = (top: TopLevelDesign): void => {
      const { propagate } = top;
      top.propagate = (k, cpu, mm, slot, frame, flags) => {
        if (flags !== 0) propagate.call(top, k, cpu, mm, slot, frame, flags);
      };
    };
    expect(caught("linux-per-mm-vcpu", noHypercallFails, mutate)).to.equal(true);
  });

  it("kernelHalfIsComplete: sync_global_pgds() does not know of the replicas (I-10)", () => {
    const mutate = (top: TopLevelDesign): void => void (top.replicas = () => undefined);
    expect(caught("linux-per-mm-vcpu", everyTypedL4IsListed, mutate)).to.equal(true);
    const half = (top: TopLevelDesign): void => {
      const { replicas } = top;
      const adding = ({ ledger }: Linux) => ledger.cause.some((cause) => cause === CAUSE.hotplug);
      top.replicas = (k, visit) => (adding(k) ? undefined : replicas.call(top, k, visit));
    };
    expect(caught("linux-per-vcpu", kernelHalfIsComplete, half)).to.equal(true);
  });

  it("referenceIsMarkedPinned: a design that unmarks the reference makes new tables writable (I-15)", () => {
    const mutate = (_: TopLevelDesign, { linux }: Machine): void => {
      linux.top.pinned = (k, _cpu, mm) => {
        k.pages.flags[k.mms.pgd[mm]!]! &= ~2;
        return 0;
      };
    };
    expect(caught("shared", referenceIsMarkedPinned, mutate)).to.equal(true);
  });
});

describe("the shortest history that breaks the promise", () => {
  const history = (name: (typeof PROPOSALS)[number], invariant: MachineInvariant) =>
    shortestHistory(bootedMachine(name), invariant)?.ops.map(({ op }) => op);

  it("of a pair per thread is that a vCPU goes idle, or runs a kernel thread, and the thread runs elsewhere", () => {
    const ops = history("linux-per-thread", onePcpuPerUserL4)!;
    expect(ops).to.have.length(3); // the third enters the kernel, on whose L4 the idle vCPU is
    expect(ops[0]).to.be.oneOf(["idle", "kthread"]);
    expect(ops[1]).to.equal("switch");
  }).timeout(60_000);

  it("of 6.1 on XPTI, in Xen, is no longer than that of 6.1 without it", () => {
    const xpti = history("xpti", onePcpuPerL4InXen)!;
    const shared = history("shared", onePcpuPerL4InGuest)!;
    expect(xpti.length).to.equal(shared.length);
    expect(history("xpti", onePcpuPerL4InGuest)).to.equal(undefined);
  }).timeout(60_000);
});
