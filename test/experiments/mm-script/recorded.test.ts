import { join } from "node:path";
import { expect } from "chai";
import { readProposal } from "../../../abi/proposal.js";
import { dataFolder } from "../../../experiments/bundled.js";
import { type MmReport, playScripts, ScriptMachine } from "../../../experiments/mm-script/play-scripts.js";
import { readMmScripts } from "../../../experiments/mm-script/script.js";
import { playAndExit } from "./finish.js";
import { frameUses, leaks } from "./frame-uses.js";

const FILE = join(__dirname, "../../data/linux-6.1-pv/visible.jsonl.gz");
const proposal = (name: string) => readProposal(join(dataFolder("abi", "proposals"), `${name}.yaml`));

describe("The twins, and a real Linux 6.1 under a real Xen 4.17", () => {
  let report: MmReport;
  let seconds = 0;

  before(() => {
    const began = performance.now();
    report = playScripts([FILE], { shared: proposal("shared"), xpti: proposal("xpti") });
    seconds = (performance.now() - began) / 1000;
  });

  it("count the same in all steps in which the recordings agree", () => {
    expect(report.stable.compared).to.be.above(14_000);
    const differ = report.differences.filter((d) => d.stable && !d.counter.startsWith("instructions"));
    expect(differ).to.deep.equal([]);
  });

  it("count what at least one recording did in 95 % of what moves", () => {
    expect(report.unstable.compared).to.be.above(400);
    expect(report.unstable.exact / report.unstable.compared).to.be.at.least(0.95);
  });

  it("write CR3 as often, with XPTI off, in 95 % of the windows", () => {
    expect(report.cr3.compared).to.be.above(1_000);
    expect(report.cr3.exact / report.cr3.compared).to.be.at.least(0.95);
  });

  it("write CR3 as often, with XPTI on, in 95 % of the windows, but for interrupts that came meanwhile", () => {
    const { compared, exact, interrupted } = report.cr3Xpti;
    expect((exact + interrupted) / compared).to.be.at.least(0.95);
    expect(exact / compared).to.be.at.least(0.84);
  });

  it("take less than 10 seconds for all of it", () => {
    expect(seconds).to.be.below(10);
  });

  it("leave every frame of Xen's table as it was, once all tasks have exited, in each script", () => {
    const machine = new ScriptMachine(proposal("shared"));
    const before = frameUses(machine.restart());
    for (const script of readMmScripts(FILE)) {
      const played = machine.restart();
      playAndExit(played, script);
      expect(leaks(before, frameUses(played)), script.name).to.deep.equal([]);
    }
  });
});
