import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Engine } from "../../../experiments/sweep/local-engine.js";
import { runSweep } from "../../../experiments/sweep/run-sweep.js";
import { simulate } from "../../../experiments/sweep/simulate.js";
import { readSweep } from "../../../experiments/sweep/spec.js";
import { query } from "../../../experiments/sweep/tables.js";

describe("the tables of a sweep", () => {
  let dir: string;
  before(() => (dir = mkdtempSync(join(tmpdir(), "pvtwin-tables-"))));
  after(() => rmSync(dir, { recursive: true }));

  /** The same, whose groups are done in the order of the file, or the other way round. */
  const tablesOf = async (name: string, order: "forwards" | "backwards") => {
    const file = join(dir, "sweep.yaml");
    const out = join(dir, name);
    writeFileSync(
      file,
      "name: small\nproposals: [shared, xpti]\nworkloads: [{ synthetic: { threads: 4, syscalls: 50 } }]\ncrossed: { slotChurn: [0, 5] }\n",
    );
    const engine: Engine = {
      async run(groups, done) {
        for (const group of order === "forwards" ? groups : groups.toReversed())
          done(group, await simulate(group));
      },
      end: () => Promise.resolve(),
    };
    await runSweep(readSweep(file, "test"), out, engine);
    const rows = async (table: string) => (await query(`select * from ${table}`, out)).rows;
    const files = ["cells.parquet", "counts.parquet"].map((parquet) =>
      readFileSync(join(out, parquet), "hex"),
    );
    return { cells: await rows("cells"), counts: await rows("counts"), files };
  };

  it("have their rows in order, in whatever order the cells are done", async () => {
    const tables = await tablesOf("forwards", "forwards");
    expect(await tablesOf("backwards", "backwards")).to.deep.equal(tables);
    expect(tables.cells.map(({ cell }) => cell)).to.deep.equal([0, 1, 2, 3]);
  });
});
