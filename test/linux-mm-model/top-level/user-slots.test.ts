import { expect } from "chai";
import { PtMemory } from "../../../abi/memory.js";
import { _PAGE_PRESENT } from "../../../abi/page.js";
import { State } from "../../../abi/state.js";
import { randomOps } from "../../../experiments/synthetic/ops.js";
import { runOp, start } from "../../../experiments/synthetic/run-ops.js";
import { is_other, type PerVcpu } from "../../../linux-mm-model/top-level/per-vcpu.js";
import { bootedMachine } from "../../machine/booted-machine.js";

describe("the slots in which a vCPU's L4 has another table than the reference", () => {
  it("are none after a load, among all that there are", () => {
    const machine = bootedMachine("linux-per-vcpu");
    const { linux, config } = machine;
    const { memory, mms, regs } = linux;
    const { pair_pgd } = linux.top as PerVcpu;
    const users = Array.from({ length: config.geometry.ptes / 2 }, (_, slot) => slot);
    const loaded = new Set<number>();
    start(machine);
    for (const op of randomOps(3, 200, 2)) {
      runOp(machine, op);
      const mm = regs.load_mm[0]!;
      if (linux.percpu.loaded_mm[0] !== mm || mms.used[mm] === 0) continue;
      loaded.add(mm);
      for (const pgd of [pair_pgd[0]!, linux.pages.private[pair_pgd[0]!]!])
        expect(users.filter((slot) => is_other(memory, mms.pgd[mm]!, pgd, slot))).to.deep.equal([]);
    }
    expect(loaded.size).to.be.above(2);
  });

  it("differ by table, not by what the processor sets of the flags", () => {
    const geometry = { nrFrames: 4, nrTables: 4, ptes: 64 };
    const memory = new PtMemory(new State(PtMemory.bytes(geometry)), geometry);
    memory.set(1, 5, 9, 0x67);
    memory.set(2, 5, 9, 0x47);
    expect(is_other(memory, 1, 2, 5)).to.equal(false);
    memory.set(2, 5, 9, 0x67 & ~_PAGE_PRESENT);
    expect(is_other(memory, 1, 2, 5)).to.equal(true);
    memory.set(2, 5, 8, 0x67);
    expect(is_other(memory, 1, 2, 5)).to.equal(true);
  });
});
