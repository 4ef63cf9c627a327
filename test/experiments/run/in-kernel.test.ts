/** What a kernel has done unseen it has done in kernel mode: Xen takes hypercalls from nowhere else. */
import { expect } from "chai";
import { join } from "node:path";
import { loadProposal } from "../../../experiments/evaluate.js";
import { readRecording } from "../../../experiments/import/recording.js";
import { TraceRunner } from "../../../experiments/run/trace-runner.js";
import { defaultGeometry } from "../../../machine/geometry.js";
import { Machine } from "../../../machine/machine.js";

const RECORDING = join(__dirname, "..", "..", "..", "recordings", "make_j2.perf.txt.gz");

describe("a recording with processes from before it, and images that nobody recorded", () => {
  it("makes no hypercall that Xen refuses", async () => {
    const { chunks, cpus } = await readRecording(RECORDING, { strict: false });
    const geometry = defaultGeometry(Math.max(2, cpus));
    const config = { proposal: loadProposal("shared"), geometry, pcid: true, invpcid: true } as const;
    const machine = new Machine({ ...config, audit: "observe" }).boot();
    const runner = new TraceRunner(machine);
    for (const chunk of chunks) runner.consume(chunk);
    expect(machine.ledger.total("mmu_update")).to.be.above(10_000);
    expect(machine.ledger.total("hypercall_failed")).to.equal(0);
  });
});
