import { join } from "node:path";
import { expect } from "chai";
import { readProposal } from "../../../abi/proposal.js";
import { dataFolder } from "../../../experiments/bundled.js";
import { readRecording } from "../../../experiments/import/recording.js";
import {
  compareCounts,
  type CountsComparison,
  type Pair,
  ProcessCounts,
} from "../../../experiments/run/compare-counts.js";
import { readCounts } from "../../../experiments/run/recorded-counts.js";
import { TraceRunner } from "../../../experiments/run/trace-runner.js";
import { defaultGeometry } from "../../../machine/geometry.js";
import { Machine } from "../../../machine/machine.js";

const TRACES = join(__dirname, "../../data/traces");

/** Percent by which the model is off. */
function off({ recorded, modelled }: Pair): number {
  return (100 * Math.abs(modelled - recorded)) / recorded;
}

describe("thread_storm, recorded in a PV guest: its xen events, from its Linux events alone", () => {
  let c: CountsComparison;

  before(async () => {
    const recording = await readRecording(join(TRACES, "thread_storm.xenpv.tracecmd.txt.gz"), {
      strict: false,
    });
    const proposal = readProposal(join(dataFolder("abi", "proposals"), "shared.yaml"));
    const geometry = defaultGeometry(2);
    const machine = new Machine({ proposal, geometry, pcid: false, invpcid: false, audit: "observe" }).boot();
    const processes = new ProcessCounts(machine);
    const runner = new TraceRunner(machine, processes);
    for (const chunk of recording.chunks) runner.consume(chunk);
    c = compareCounts(readCounts(join(TRACES, "thread_storm.xenpv.counts.json")), machine, processes);
  });

  for (const [names, percent] of [
    [["set_p4d", "set_pud", "set_pmd", "pgd_pin", "pgd_unpin", "alloc_ptpage", "release_ptpage"], 3],
    [["set_pte", "flush_tlb_multi", "flush_tlb_one_user", "write_cr3"], 5],
    [["ptep_modify_prot_start", "ptep_modify_prot_commit"], 1],
  ] as const) {
    it(`${names.join(", ")} are within ${percent} %`, () => {
      for (const name of names) expect(off(c.compare[`xen_mmu_${name}`]!), name).to.be.at.most(percent);
    });
  }

  it("table pages are within 3 % at each level", () => {
    for (const [name, pair] of Object.entries(c.tables)) expect(off(pair), name).to.be.at.most(3);
    expect(Object.keys(c.tables)).to.have.length(6);
  });

  it("CR3 loads of another value, and queued hypercalls of each type, are within 10 %", () => {
    expect(off(c.write_cr3.changed!)).to.be.at.most(10);
    for (const [name, pair] of Object.entries(c.queued)) expect(off(pair), name).to.be.at.most(10);
  });

  it("every switch that was recorded queued one stack_switch, and no other", () => {
    expect(c.queued.stack_switch).to.deep.equal({ recorded: 2626, modelled: 2626 });
  });

  it("all names of the recorded totals are predicted", () => {
    for (const [name, { modelled }] of Object.entries(c.compare)) expect(modelled, name).to.be.above(0);
  });

  it("the process, the idle tasks and kernel threads each have their own", () => {
    const cr3 = (pid: string): Pair => c.perProcess[pid]!.compare.xen_mmu_write_cr3!;
    expect(cr3("111")).to.deep.equal({ recorded: 92, modelled: 92 });
    expect(cr3("kernel")).to.deep.equal({ recorded: 78, modelled: 78 });
    expect(off(cr3("idle"))).to.be.at.most(5);
    expect(off(c.perProcess["111"]!.compare.xen_mmu_set_pte!)).to.be.at.most(5);
  });

  it("what was there before, and switches that no line shows, are counted apart", () => {
    expect(c.apart.boot!.xen_mmu_pgd_pin).to.equal(1);
    expect(c.apart.unseen!.xen_mc_entry).to.be.above(50);
  });
});
