import { expect } from "chai";
import * as fc from "fast-check";
import type { EventName } from "../../abi/events.js";
import {
  __HYPERVISOR_mmu_update,
  __HYPERVISOR_mmuext_op,
  __HYPERVISOR_update_va_mapping,
  type CallBuffer,
} from "../../abi/hypercalls.js";
import { push_normal_update } from "../../abi/mmu-update.js";
import { add_mmuext_op, MMUEXT_INVLPG_LOCAL, push_mmuext_op } from "../../abi/mmuext-op.js";
import { push_update_va_mapping } from "../../abi/update-va-mapping.js";
import { type Op, OPS, randomOps, SLOT_PAGES } from "../../experiments/synthetic/ops.js";
import { runOp, start } from "../../experiments/synthetic/run-ops.js";
import { Machine } from "../../machine/machine.js";
import { bootedMachine, PROPOSALS } from "./booted-machine.js";

const ops = fc.array(
  fc.record<Op>({
    op: fc.constantFrom(...OPS),
    cpu: fc.nat(1),
    n: fc.nat(63),
    slot: fc.nat(4),
    page: fc.nat(SLOT_PAGES - 1),
    pages: fc.nat(40),
  }),
  { minLength: 1, maxLength: 60, size: "max" },
);

describe("a snapshot of a machine", () => {
  for (const name of PROPOSALS) {
    it(`under ${name} goes on as the machine itself does, byte for byte`, () => {
      const booted = bootedMachine(name);
      start(booted);
      const bytes = booted.snapshot();
      fc.assert(
        fc.property(ops, fc.nat(60), (list, cut) => {
          const original = new Machine(booted.config, bytes.slice(0));
          list.slice(0, cut).forEach((op) => runOp(original, op));
          const copy = new Machine(original.config, original.snapshot());
          for (const op of list.slice(cut)) {
            runOp(original, op);
            runOp(copy, op);
          }
          expect(copy.equals(original)).to.equal(true);
          expect(copy.ledger.collectByCause()).to.deep.equal(original.ledger.collectByCause());
        }),
        { numRuns: 12 },
      );
    }).timeout(60_000);
  }

  it("differs from the machine after one more event", () => {
    const machine = bootedMachine("shared");
    start(machine);
    const copy = new Machine(machine.config, machine.snapshot());
    expect(copy.equals(machine)).to.equal(true);
    machine.syscall(0);
    expect(copy.equals(machine)).to.equal(false);
  });

  it("differs by a call that waits, and not by what is left of one that was made", () => {
    for (const op of [__HYPERVISOR_mmu_update, __HYPERVISOR_mmuext_op, __HYPERVISOR_update_va_mapping]) {
      const [one, other] = [bootedMachine("shared"), bootedMachine("shared")];
      const calls = [one, other].map(({ linux }, i) => {
        push(linux.mc[0]!.direct, op, 7 + i);
        push(linux.mc[0]!.calls, op, 7 + i);
        return linux.mc[0]!.calls;
      });
      expect(one.equals(other)).to.equal(false);
      for (const { used } of calls) used.fill(0);
      expect(one.equals(other)).to.equal(true);
    }
  });
});

/** A call about frame `mfn`. */
function push(calls: CallBuffer, op: number, mfn: number): void {
  calls.reset();
  if (op === __HYPERVISOR_mmu_update) push_normal_update(calls, 1, 2, mfn, 3);
  else if (op === __HYPERVISOR_update_va_mapping) push_update_va_mapping(calls, 1, mfn, 2, 3);
  else {
    push_mmuext_op(calls);
    add_mmuext_op(calls, MMUEXT_INVLPG_LOCAL, mfn, 1, 2);
  }
}

const OF_PV = ["set_p4d", "pgd_pin", "pgd_unpin", "flush_tlb_multi", "page_fault"] as const;
/** A hardware guest pins nothing, and Xen passes no faults on; a 32-bit one has no L4. */
const EXPECTED: Partial<Record<(typeof PROPOSALS)[number], readonly EventName[]>> = {
  "control-pvh": ["set_p4d", "guest_cr3_write", "flush_tlb_multi", "guest_exception", "vm_exit_hlt"],
  "control-pv32": ["set_pmd", "pgd_pin", "pgd_unpin", "flush_tlb_multi", "page_fault", "l4e_changed"],
};

describe("generated work", () => {
  for (const name of PROPOSALS) {
    it(`runs on ${name} without a failed hypercall, and uses what it generates`, () => {
      const machine = bootedMachine(name);
      start(machine);
      for (const op of randomOps(7, 1500, 2)) runOp(machine, op);
      expect(machine.ledger.total("hypercall_failed")).to.equal(0);
      for (const event of EXPECTED[name] ?? OF_PV) {
        expect(machine.ledger.total(event), event).to.be.above(5);
      }
    }).timeout(60_000);
  }

  it("is the same for the same seed, and another for another", () => {
    expect(randomOps(1, 50, 2)).to.deep.equal(randomOps(1, 50, 2));
    expect(randomOps(1, 50, 2)).to.not.deep.equal(randomOps(2, 50, 2));
  });
});
