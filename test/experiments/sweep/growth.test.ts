import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Engine } from "../../../experiments/sweep/local-engine.js";
import { runSweep } from "../../../experiments/sweep/run-sweep.js";
import { simulate } from "../../../experiments/sweep/simulate.js";
import { readSweep } from "../../../experiments/sweep/spec.js";

const here: Engine = {
  async run(groups, done) {
    for (const group of groups) done(group, await simulate(group));
  },
  end: () => Promise.resolve(),
};

/** What a sweep of these lines says of how the cost grows. */
async function growth(lines: string) {
  const folder = mkdtempSync(join(tmpdir(), "growth-"));
  try {
    const file = join(folder, "sweep.yaml");
    writeFileSync(file, `name: growth\n${lines}`);
    return (await runSweep(readSweep(file, "test"), folder, here)).growth;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("how the cost of a design grows", () => {
  const zipped = "zipped: { vcpus: [2, 4, 8, 16, 32, 64], threads: [2, 4, 8, 16, 32, 64] }\n";

  it("is as vCPUs are for system calls, and as their square where each tells all others", async () => {
    const exponent = async (rate: string) => {
      const work = `workloads: [{ synthetic: { ${rate} } }]\n`;
      const [row] = await growth(`proposals: [shared]\n${work}${zipped}`);
      expect([row!.over, row!.points.length]).to.deep.equal(["vcpus", 6]);
      return row!;
    };
    expect((await exponent("syscalls: 500")).exponent).to.be.closeTo(1, 0.02);
    const { exponent: found, most } = await exponent("slotChurn: 100");
    expect(found).to.be.closeTo(2, 0.1);
    expect(most.event).to.equal("ipi_sent");
    expect(most.share).to.be.within(0.3, 1);
    expect(most.exponent).to.be.closeTo(2, 0.1);
  }).timeout(60_000);

  it("is as their cube where each unmaps a slot from a table of each, and Xen flushes all for each of these", async () => {
    const few = "zipped: { vcpus: [6, 12, 24, 48], threads: [6, 12, 24, 48] }\n";
    const [shared, eager] = await growth(
      `proposals: [shared, linux-per-vcpu]\nworkloads: [{ synthetic: { slotChurn: 100 } }]\n${few}`,
    );
    expect(shared!.exponent).to.be.below(2.2);
    expect(eager!.exponent).to.be.within(2.7, 3.1);
    expect(eager!.most.event).to.equal("ipi_sent");
    expect(eager!.most.exponent).to.be.closeTo(3, 0.15);
  }).timeout(60_000);

  it("is as threads are where a table of each is written to, and does not grow where there is one", async () => {
    const work = "workloads: [{ synthetic: { slotChurn: 100 } }]\ncrossed: { threads: [16, 64, 128, 256] }\n";
    const rows = await growth(`proposals: [shared, linux-per-thread-eager]\n${work}`);
    const of = (name: string) => rows.find(({ proposal }) => proposal === name)!.exponent;
    expect(of("linux-per-thread-eager")).to.be.closeTo(1, 0.1);
    expect(of("shared")).to.be.closeTo(0, 0.01);
  }).timeout(60_000);

  it("is not said where a sweep has two axes, or one of prices", async () => {
    for (const axes of ["syscalls: [1, 2, 3, 4], forks: [0, 1]", "constants.ipi: [500, 1000, 2000, 3000]"]) {
      const work = `workloads: [{ synthetic: { syscalls: 9 } }]\ncrossed: { ${axes} }\n`;
      expect(await growth(`proposals: [shared]\n${work}`), axes).to.deep.equal([]);
    }
  }).timeout(60_000);
});
