/**
 * The kernel of patches-notes/linux-per-vcpu, on the real Xen: what it counted, against what pvtwin had said before.
 */
import { join } from "node:path";
import { expect } from "chai";
import { loadProposal } from "../../experiments/evaluate.js";
import { NOISE } from "../../experiments/mm-script/compare.js";
import { playScripts, type MmReport } from "../../experiments/mm-script/play-scripts.js";
import { readMmScripts, type RecordedWindow, type StepResult } from "../../experiments/mm-script/script.js";

const DATA = join(__dirname, "../data/witness");
const RECORDED = join(DATA, "recorded-linux-per-vcpu.jsonl.gz");
const PREDICTED = join(DATA, "predicted-linux-per-vcpu.jsonl.gz");

/** Counter -> number, of one window. */
function flat(window: RecordedWindow): Map<string, number> {
  const groups = Object.entries(window) as [string, Record<string, number | number[]>][];
  const pairs = groups.flatMap(([group, counts]) =>
    Object.entries(counts).map(([name, n]): [string, number] => [
      group.startsWith("hist") ? `${group}.${name}` : name,
      typeof n === "number" ? n : n[1]!,
    ]),
  );
  return new Map(pairs);
}

describe("witness: the prototype", () => {
  it("counted what was predicted before it was booted, in nine of ten pairs of step and counter at least", () => {
    const predicted = new Map(readMmScripts(PREDICTED).map((script) => [script.name, script]));
    let compared = 0;
    let exact = 0;
    for (const script of readMmScripts(RECORDED)) {
      const theirs = new Map(predicted.get(script.name)!.results.map((result) => [result.step, result]));
      for (const result of script.results) {
        for (const window of ["main", "start"] as const) {
          const [a, b] = [result, theirs.get(result.step)!].map((r: StepResult) => r[window]);
          if (a === undefined || b === undefined) continue;
          const [recorded, said] = [flat(a), flat(b)];
          for (const name of new Set([...recorded.keys(), ...said.keys()])) {
            if (NOISE.has(name) || script.notRecorded?.includes(name) === true) continue;
            compared++;
            if ((recorded.get(name) ?? 0) === (said.get(name) ?? 0)) exact++;
          }
        }
      }
    }
    expect(compared).to.be.above(3000);
    expect(exact / compared).to.be.above(0.9);
  });

  describe("and the twins of today", () => {
    let report: MmReport;
    before(() => {
      const proposal = loadProposal("linux-per-vcpu");
      report = playScripts([RECORDED], { shared: proposal, xpti: proposal });
    });

    it("never loads a base pointer after the first load, where today's Linux writes two at each switch of mm", () => {
      const { write_cr3_user } = report.counters;
      expect(write_cr3_user?.recorded ?? 0).to.equal(0);
    });

    it("counts alike", () => {
      expect(report.stable.exact / report.stable.compared).to.be.above(0.9);
    });
  });
});
