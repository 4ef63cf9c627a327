/** System calls in a row that are counted at once come out as the same calls one by one, in each byte of the state. */
import { expect } from "chai";
import { join } from "node:path";
import { loadProposals } from "../../../experiments/evaluate.js";
import { readRecording, type Recording } from "../../../experiments/import/recording.js";
import { TraceRunner } from "../../../experiments/run/trace-runner.js";
import { defaultGeometry } from "../../../machine/geometry.js";
import { Machine } from "../../../machine/machine.js";

const RECORDINGS = join(__dirname, "..", "..", "..", "recordings");

describe("system calls of one task in a row, counted at once", () => {
  let recording: Recording;
  before(async () => {
    recording = await readRecording(join(RECORDINGS, "redis_bench.perf.txt.gz"), { strict: false });
  });

  const proposals = loadProposals([]);
  const shim = proposals.find(({ name }) => name === "shim")!;
  const withoutXpti = { ...shim, name: "shim without XPTI", xen: { ...shim.xen, root: "shared" } };
  for (const proposal of [...proposals, withoutXpti]) {
    for (const pcid of proposal.xen.root.startsWith("xpti") ? [true, false] : [true]) {
      it(`leave what they leave one by one, under ${proposal.name} ${pcid ? "with" : "without"} PCID`, () => {
        const [machine, plainMachine] = [1, 2].map(() =>
          new Machine({
            proposal,
            geometry: defaultGeometry(2),
            pcid,
            invpcid: pcid,
            audit: "observe",
          }).boot(),
        ) as [Machine, Machine];
        plainMachine.linux.at_once = false;
        let told = 0;
        const atOnce = new TraceRunner(machine, {
          after: () => void told++,
          quiet: (_chunk, i, last) => (i % 7 === 0 ? i : last),
        });
        const oneByOne = new TraceRunner(plainMachine, { after: () => undefined });
        const chunk = recording.chunks[1]!;
        atOnce.consume(chunk);
        oneByOne.consume(chunk);
        expect(told).to.be.below(chunk.n / 2);
        expect(machine.equals(plainMachine)).to.equal(true);
        expect(atOnce.watch.properties("")).to.deep.equal(oneByOne.watch.properties(""));
        expect(atOnce.notes()).to.deep.equal(oneByOne.notes());
      });
    }
  }
});
