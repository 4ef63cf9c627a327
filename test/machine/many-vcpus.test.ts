/** A guest of more vCPUs than a word has bits: whom a flush reaches. */
import { expect } from "chai";
import type { EventName } from "../../abi/events.js";
import { type RatedWork, runRates } from "../../experiments/synthetic/rates.js";
import { proposal } from "./booted-machine.js";

const NOTHING: RatedWork = {
  threads: 1,
  vcpus: 1,
  sameMmSwitches: 0,
  otherMmSwitches: 0,
  syscalls: 0,
  slotChurn: 0,
  forks: 0,
  idle: 0,
  placement: "spread",
};

/** How often `events` come with each slot that is mapped and unmapped. */
function perChurn(
  events: EventName[],
  vcpus: number,
  name: string,
  others: Partial<RatedWork> = {},
): number[] {
  const work = { ...NOTHING, vcpus, threads: vcpus, slotChurn: 100, ...others };
  const { counts } = runRates(work, proposal(name), { pcid: false, invpcid: true }, 0);
  return events.map((event) => (counts[event] ?? 0) / (counts.set_p4d! / 2));
}

describe("A guest of many vCPUs", () => {
  for (const vcpus of [2, 31, 32, 33, 70]) {
    it(`of ${vcpus} interrupts all others at each flush of what they share`, () => {
      const events: EventName[] = ["flush_tlb_multi", "ipi_sent", "ipi_taken"];
      const [, perFlush] = perChurn(events, 2, "shared");
      const sent = perFlush! * (vcpus - 1);
      expect(perChurn(events, vcpus, "shared")).to.deep.equal([1, sent, sent]);
    });
  }

  it("has nobody to flush by bitmap where each vCPU has a process of its own", () => {
    expect(perChurn(["flush_tlb_multi"], 70, "shared", { placement: "apart" })).to.deep.equal([0]);
  });

  it("in a PVH guest interrupts the CPUs of the process", () => {
    expect(perChurn(["flush_tlb_multi", "vcpu_kick"], 40, "control-pvh")).to.deep.equal([1, 39]);
  });

  it("in a shim is flushed with one call a flush, however many there are", () => {
    const assists = [2, 3, 32].map((vcpus) => perChurn(["shim_flush_assist"], vcpus, "shim")[0]);
    expect(assists).to.deep.equal([assists[0], assists[0], assists[0]]);
  });
});
