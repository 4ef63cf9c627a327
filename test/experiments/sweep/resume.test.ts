import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Journal } from "../../../experiments/sweep/journal.js";
import { runSweep } from "../../../experiments/sweep/run-sweep.js";
import type { Engine } from "../../../experiments/sweep/local-engine.js";
import { simulate } from "../../../experiments/sweep/simulate.js";
import type { Sweep } from "../../../experiments/sweep/group.js";
import { readSweep } from "../../../experiments/sweep/spec.js";
import { query } from "../../../experiments/sweep/tables.js";
import { pvtwin } from "../../pvtwin.js";

const TEXT = `
name: small
proposals: [shared, xpti, linux-per-vcpu]
workloads: [{ synthetic: { threads: 4, sameMmSwitches: 50, slotChurn: 5 } }]
crossed: { syscalls: [0, 100], constants.ipi: [500, 3000] }
`;

/** In this thread, one after the other; `until` groups, then an error, as a killed run would end. */
function inline(until = Infinity): Engine {
  return {
    async run(groups, done) {
      for (const [i, group] of groups.entries()) {
        if (i >= until) throw new Error("killed");
        done(group, await simulate(group));
      }
    },
    end: () => Promise.resolve(),
  };
}

describe("a sweep that was killed", () => {
  let dir: string;
  let sweep: Sweep;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "pvtwin-sweep-"));
    writeFileSync(join(dir, "sweep.yaml"), TEXT);
    sweep = readSweep(join(dir, "sweep.yaml"), "test");
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const table = async (out: string) => {
    const { rows } = await query("select * from cells order by cell", out);
    const counts = await query("select * from counts order by all", out);
    return { rows, counts: counts.rows };
  };

  it("leaves its journal, and nothing half-written", async () => {
    const out = join(dir, "out");
    const failed = await runSweep(sweep, out, inline(2)).catch((error: Error) => error.message);
    expect(failed).to.equal("killed");
    expect(readdirSync(out)).to.deep.equal(["cells.jsonl"]);
  });

  it("goes on where it was, and its tables are those of a run that was not", async () => {
    const whole = join(dir, "whole");
    expect(await runSweep(sweep, whole, inline())).to.include({
      cells: 12,
      done: 12,
      resumed: 0,
      simulations: 6,
    });
    const killed = join(dir, "killed");
    await runSweep(sweep, killed, inline(2)).catch(() => undefined);
    await runSweep(sweep, killed, inline(1)).catch(() => undefined);
    expect(await runSweep(sweep, killed, inline())).to.include({ done: 6, resumed: 6, simulations: 3 });
    expect(await table(killed)).to.deep.equal(await table(whole));
    expect(readFileSync(join(killed, "cells.parquet"))).to.deep.equal(
      readFileSync(join(whole, "cells.parquet")),
    );
  });

  it("loses no more than the cell that was being written, and has none twice", async () => {
    const out = join(dir, "out");
    const file = join(out, "cells.jsonl");
    await runSweep(sweep, out, inline());
    const before = readFileSync(file, "utf8");
    truncateSync(file, before.length - 40);
    expect(await runSweep(sweep, out, inline())).to.include({ done: 1, resumed: 11 });
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    expect(new Set(lines.map((line) => (JSON.parse(line) as { key: string }).key)).size).to.equal(12);
    expect(lines.sort()).to.deep.equal(before.trimEnd().split("\n").sort());
  });

  it("does not take a file for its journal that is none", () => {
    const file = join(dir, "cells.jsonl");
    writeFileSync(file, "{}\n");
    expect(() => new Journal(file)).to.throw("cells.jsonl: line 1: is no finished cell");
    writeFileSync(file, "");
    appendFileSync(file, "half a line");
    expect(new Journal(file).has("x")).to.equal(false);
  });

  it("answers SQL, in JSON and as a table, and changes nothing", async () => {
    const out = join(dir, "out");
    await runSweep(sweep, out, inline());
    const { stdout } = pvtwin([
      "query",
      "select proposal, count(*)::int n from cells group by 1 order by 1",
      "--out",
      out,
    ]);
    expect(stdout.split("\n")).to.deep.equal([
      "proposal        n",
      "linux-per-vcpu  4",
      "shared          4",
      "xpti            4",
      "",
    ]);
    const json = pvtwin(["query", 'select max("constants.ipi") m from cells', "--out", out, "--json"]);
    expect(JSON.parse(json.stdout)).to.deep.equal({ columns: ["m"], rows: [{ m: 3000 }] });
    for (const sql of ["delete from cells", "select nonsense from cells"]) {
      const { status, stderr } = pvtwin(["query", sql, "--out", out]);
      expect(status).to.equal(2);
      expect(stderr).to.match(/^pvtwin: results.duckdb: SQL: [^\n]+\n$/);
    }
  }).timeout(30_000);
});
