import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSketch } from "../../patches-notes/sketch.js";

const ROOT = join(__dirname, "../..");

describe("the witness of a series", () => {
  for (const [witness, proposal, patches] of [
    ["0001-witness.md", "linux-per-vcpu", ["0002-split", "0003-pair", "0005-load", "0006-start"]],
    ["0001-threads.md", "linux-per-thread", ["0005-pairs"]],
  ] as const) {
    it(`${witness} attaches to functions of mmu_pv.c that ${proposal} brings`, () => {
      const { edits } = parseSketch(readFileSync(join(ROOT, "witness/linux", witness), "utf8"), witness);
      const series = patches
        .map((name) => readFileSync(join(ROOT, "patches-notes", proposal, "linux", `${name}.md`), "utf8"))
        .join("\n");
      const anchors = edits
        .filter(({ path }) => path.endsWith("mmu_pv.c"))
        .map(({ forms }) => forms[0]!.anchor!);
      expect(anchors.length).to.be.above(3);
      for (const { scope } of anchors) expect(series, scope).to.match(new RegExp(`\\b${scope!}\\(`));
    });
  }
});
