import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { query } from "../../../experiments/sweep/tables.js";
import { mulberry32 } from "../../../experiments/synthetic/seed.js";
import { ROOT } from "../../pvtwin.js";

const TEXT = `
name: two-hundred
proposals: [shared, xpti, xen-vcpu-root, linux-per-mm-vcpu, linux-per-vcpu]
workloads:
  - recording: redis_bench
  - recording: make_j2
  - recording: thread_storm
  - recording: ${join(ROOT, "test/data/traces/thread_storm.xenpv.tracecmd.txt.gz")}
crossed: { constants.ipi: [500, 750, 1000, 1250, 1500, 1750, 2000, 2250, 2500, 3000] }
`;

describe("a sweep of 200 cells", () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), "pvtwin-sweep-"));
    writeFileSync(join(dir, "sweep.yaml"), TEXT);
  });
  after(() => rmSync(dir, { recursive: true }));

  /** Seconds until it ended, by itself or by SIGKILL after `ms`; its whole process group goes. */
  const run = (out: string, ms = Infinity): Promise<number> =>
    new Promise((resolve) => {
      const began = performance.now();
      const args = [
        join(ROOT, "bin", "pvtwin.js"),
        "sweep",
        join(dir, "sweep.yaml"),
        "--out",
        join(dir, out),
      ];
      const child = spawn(process.execPath, args, { stdio: "ignore", detached: true });
      const timer = ms === Infinity ? undefined : setTimeout(() => process.kill(-child.pid!, "SIGKILL"), ms);
      child.on("exit", () => {
        clearTimeout(timer);
        resolve((performance.now() - began) / 1000);
      });
    });

  const rows = async (out: string) => (await query("select * from cells order by cell", join(dir, out))).rows;

  it("ends in under 3 min, and killed three times comes to the same table, no cell twice", async () => {
    const seconds = await run("whole");
    expect(seconds).to.be.below(180);
    const random = mulberry32(Date.now() >>> 0);
    for (let kill = 0; kill < 3; kill++) await run("killed", (0.1 + 0.3 * random()) * 1000 * seconds);
    await run("killed");
    const whole = await rows("whole");
    expect(whole).to.have.lengthOf(200);
    expect(await rows("killed")).to.deep.equal(whole);
    const lines = readFileSync(join(dir, "killed", "cells.jsonl"), "utf8")
      .trimEnd()
      .split("\n");
    expect(new Set(lines).size).to.equal(200);
    expect(lines).to.have.lengthOf(200);
  }).timeout(900_000);
});
