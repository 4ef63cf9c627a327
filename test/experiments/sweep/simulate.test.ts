import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { simulate } from "../../../experiments/sweep/simulate.js";
import { readSweep } from "../../../experiments/sweep/spec.js";
import { ROOT } from "../../pvtwin.js";

describe("groups of one recording, in one thread", () => {
  it("read it once, and another recording that has come to its place anew; a file that is not the one named is refused", async () => {
    const dir = mkdtempSync(join(tmpdir(), "pvtwin-simulate-"));
    try {
      const file = join(dir, "it.txt.gz");
      const trace = (name: string) => join(ROOT, "test", "data", "traces", name);
      writeFileSync(
        join(dir, "sweep.yaml"),
        "name: s\nproposals: [shared, xpti]\nworkloads: [{ recording: it.txt.gz }]\n",
      );
      const groups = () => readSweep(join(dir, "sweep.yaml"), "1").groups;
      copyFileSync(trace("odd_names.perf.txt.gz"), file);
      const [shared, xpti] = groups();
      const first = await simulate(shared!);
      renameSync(file, join(dir, "away.txt.gz"));
      expect((await simulate(xpti!)).counts.syscall_entry).to.equal(first.counts.syscall_entry);
      expect(await simulate(shared!)).to.deep.equal(first);
      copyFileSync(trace("thread_storm_b.xenpv.perf.txt.gz"), file);
      const [named] = groups();
      const other = await simulate(named!);
      expect(other.counts.syscall_entry).to.not.equal(first.counts.syscall_entry);
      const failed = await simulate(shared!).catch((error: Error) => error.message);
      expect(failed).to.include("is not the file that the sweep named");
    } finally {
      rmSync(dir, { recursive: true });
    }
  }).timeout(30_000);
});

/** Files that are loaded with one of dist/. */
function loadedWith(file: string): string[] {
  const program = `require("./dist/${file}"); console.log(Object.keys(require.cache).join("\\n"))`;
  return execFileSync(process.execPath, ["-e", program], { cwd: ROOT, encoding: "utf8" }).split("\n");
}

describe("a worker", () => {
  it("loads the twins, and none of what reads YAML, scripts or schemas", () => {
    const loaded = loadedWith("experiments/sweep/worker.js");
    expect(loaded).to.include(join(ROOT, "dist", "machine", "machine.js"));
    expect(loaded.filter((file) => /node_modules.(zod|yaml|commander|@duckdb)/.test(file))).to.deep.equal([]);
  });

  it("can be started before what reads a sweep is loaded, and what writes its tables", () => {
    const loaded = loadedWith("cli/sweep.js");
    expect(loaded).to.include(join(ROOT, "dist", "experiments", "sweep", "local-engine.js"));
    expect(loaded.filter((file) => /node_modules.(zod|yaml|@duckdb)/.test(file))).to.deep.equal([]);
  });
});
