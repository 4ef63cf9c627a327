/**
 * The import table of ARCHITECTURE.md is a check that bites: a small house in test/data/depcruise breaks it
 * once in each way, and each break is named.
 */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect } from "chai";
import type { ICruiseResult } from "dependency-cruiser";

const CONFIG = join(__dirname, "..", ".dependency-cruiser.cjs");
const HOUSE = join(__dirname, "data", "depcruise");
const ROOMS =
  "abi checker elfnotes linux-mm-model xen-model patches-notes machine experiments cli witness".split(" ");

const DEPCRUISE = join(__dirname, "..", "node_modules", ".bin", "depcruise");

describe("the import table", () => {
  let broken: string[];

  before(() => {
    const args = ["--config", CONFIG, "--output-type", "json", ...ROOMS, "index.ts", "test"];
    const { stdout } = spawnSync(DEPCRUISE, args, { cwd: HOUSE, encoding: "utf8" });
    const { violations } = (JSON.parse(stdout) as ICruiseResult).summary;
    broken = violations
      .filter(({ rule }) => rule.severity === "error")
      .map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`)
      .sort();
  });

  it("refuses each import that leads out of its room, and nothing else", () => {
    expect(broken).to.deep.equal([
      "abi-imports: abi/leans-on-twin.ts -> xen-model/door.ts",
      "checker-imports: checker/knows-abi.ts -> abi/door.ts",
      "cli-imports: cli/tested.ts -> test/door.ts",
      "experiments-imports: experiments/reports.ts -> cli/door.ts",
      "index-imports: index.ts -> cli/door.ts",
      "index-is-for-users: machine/comes-in-by-index.ts -> index.ts",
      "linux-mm-model-imports: linux-mm-model/peeks.ts -> xen-model/door.ts",
      "machine-imports: machine/checks.ts -> checker/door.ts",
      "no-cycles: elfnotes/comes-back.ts -> elfnotes/goes-round.ts",
      "patches-notes-imports: patches-notes/runs.ts -> machine/door.ts",
      "resolvable: elfnotes/asks-nobody.ts -> ./absent.js",
      "witness-imports: witness/looks-inside.ts -> linux-mm-model/door.ts",
      "xen-model-imports: xen-model/peeks-at-type.ts -> linux-mm-model/door.ts",
    ]);
  });

  it("has a rule for each room", () => {
    const rules = createRequire(__filename)(CONFIG) as { forbidden: { name: string }[] };
    const ruled = rules.forbidden.map(({ name }) => name).filter((name) => name.endsWith("-imports"));
    expect(ruled).to.have.members(["index", ...ROOMS].map((room) => `${room}-imports`));
  });
});
