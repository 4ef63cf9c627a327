import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { BadInput } from "../../../abi/bad-input.js";
import { ANCHOR_DIR, readAnchors, readSources } from "../../../experiments/anchors/anchor.js";
import { runAnchors } from "../../../experiments/anchors/run-anchors.js";
import { knownProfiles, readProfile } from "../../../experiments/costs/profile.js";
import { runMain } from "../../cli/run-main.js";

const sources = readSources();
const anchors = readAnchors();

/** Sources of all prices that come along, as written in the profiles. */
const pricedFrom = knownProfiles().flatMap((name) => {
  const { constants, instructions } = readProfile(name);
  return [...Object.values(constants).map(({ source }) => source), instructions.source];
});

const idOf = (text: string): string | undefined => /^\[([^\]]+)\]/.exec(text)?.[1];
/** Commits, which a text may name by more or fewer digits. */
const commitsIn = (text: string): string[] =>
  (text.match(/\b[0-9a-f]{10,40}\b/g) ?? []).map((c) => c.slice(0, 10));

describe("calibration and anchors", () => {
  it("every price names a source that is listed for calibration", () => {
    for (const text of pricedFrom) expect(sources[idOf(text) ?? ""]?.use, text).to.equal("calibration");
  });

  it("every anchor names a source that is listed for anchors", () => {
    for (const { name, source } of anchors) expect(sources[source.id]?.use, name).to.equal("anchor");
  });

  it("no commit that an anchor tests by is in the source of a price", () => {
    const tested = anchors.flatMap(({ source }) => commitsIn(`${source.id} ${source.text}`));
    expect(tested).to.include("18173843a5");
    expect(pricedFrom.flatMap(commitsIn)).to.include("eb7518b89b");
    for (const commit of tested) expect(pricedFrom.join("\n")).to.not.include(commit);
  });

  it("an anchor whose source prices are taken from is refused, and so is one without a listed source", () => {
    const dir = mkdtempSync(join(tmpdir(), "pvtwin-anchors-"));
    try {
      copyFileSync(join(ANCHOR_DIR, "sources.yaml"), join(dir, "sources.yaml"));
      const text = readFileSync(join(ANCHOR_DIR, "xpti-getpid.yaml"), "utf8");
      for (const [id, says] of [
        ["xen-4.17.7-primitives", "is a source of prices, so it can test none"],
        ["hearsay", "is no source"],
      ] as const) {
        writeFileSync(join(dir, "mine.yaml"), text.replace("xen-4.17.7-linux-operations", id));
        expect(() => readAnchors(dir)).to.throw(BadInput, says);
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

describe("pvtwin anchors", () => {
  it("says of each what was published, what the twins say, and whether that is in the band", async () => {
    const { status, out: stdout } = await runMain(
      "anchors",
      "--json",
      "xpti-getpid",
      "tls-descriptors-switch",
      "xpti-flag-byte",
    );
    expect(status).to.equal(0);
    const results = (JSON.parse(stdout) as { anchors: Record<string, unknown>[] }).anchors;
    expect(results.map(({ name, inBand }) => [name, inBand])).to.deep.equal([
      ["xpti-getpid", true],
      ["tls-descriptors-switch", true],
      ["xpti-flag-byte", false],
    ]);
    for (const result of results)
      expect(result).to.include.all.keys("source", "published", "modelled", "band");
    expect(results[2]!.reason).to.include("entry code");
  });

  it("leaves with exit status 1 where an answer is out of its band and nobody says why", async () => {
    const dir = mkdtempSync(join(tmpdir(), "pvtwin-anchors-"));
    try {
      copyFileSync(join(ANCHOR_DIR, "sources.yaml"), join(dir, "sources.yaml"));
      const text = readFileSync(join(ANCHOR_DIR, "xpti-getpid.yaml"), "utf8");
      writeFileSync(join(dir, "mine.yaml"), text.replace(/^band: .*$/m, "band: { low: 1, high: 2 }"));
      const { status, out: stdout } = await runMain("anchors", "--dir", dir);
      expect(status).to.equal(1);
      expect(stdout).to.include("why outside: not known").and.include("0 of 1 in band");
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it("has at least 10 anchors, at least 7 of them in band, and a cause for each of the others alone", async () => {
    const results = await runAnchors(anchors);
    expect(results).to.have.length.of.at.least(10);
    expect(results.filter(({ inBand }) => inBand)).to.have.length.of.at.least(7);
    results.forEach(({ name, inBand }, i) => {
      expect(
        anchors[i]!.reason === undefined,
        `${name}: a reason where there is nothing to explain, or none`,
      ).to.equal(inBand);
    });
  }).timeout(120_000);
});
