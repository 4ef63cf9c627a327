/** What is counted over time: the ledger's counts, each in the part of the recording's time that was open. */
import { expect } from "chai";
import { EV } from "../../../abi/events.js";
import { CAUSE } from "../../../abi/ledger.js";
import { EventChunk } from "../../../experiments/import/event.js";
import { Bins, PARTS } from "../../../experiments/run/bins.js";
import { bootedMachine } from "../../machine/booted-machine.js";

/** Rows at these times. Units: parts of a recording of a minute, a second each. */
function rowsAt(...parts: number[]): EventChunk {
  const rows = new EventChunk(parts.length);
  rows.n = parts.length;
  rows.time.set(parts.map((part) => part * 1e9));
  return rows;
}

describe("counts over a recording's time", () => {
  it("have each event in the part that is open, which the first event of a later one ends, by vCPU, without what set the stage", () => {
    const machine = bootedMachine("shared");
    const { ledger } = machine;
    for (const vcpu of [0, 1]) ledger.enter(vcpu, CAUSE.fault);
    ledger.count(0, EV.page_fault, 7); // before the recording
    const bins = new Bins(machine, 60);
    const rows = rowsAt(0, 0.5, 3, 59.5, 2);
    [1, 2, 4, 8, 16].forEach((n, row) => {
      ledger.count(row % 2, EV.page_fault, n);
      const before = ledger.enter(0, CAUSE.boot);
      ledger.count(0, EV.page_fault, 1000);
      ledger.enter(0, before);
      bins.after(rows, row);
    });
    const parts = bins.collect();
    expect(parts).to.have.length(PARTS);
    const counted = parts.map((vcpus) => vcpus.map(({ page_fault = 0 }) => page_fault).join(" "));
    // the 4 of the event that ends part 0 are in it; those of one that comes late are in the last
    expect(Object.fromEntries(counted.entries())).to.deep.include({ 0: "5 2", 3: "0 8", 59: "16 0" });
    expect(counted.filter((part) => part !== "0 0")).to.have.length(3);
  });
});
