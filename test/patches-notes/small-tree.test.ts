import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { ROOT } from "../pvtwin.js";
import { bundledTrees } from "./bundled-trees.js";

const DATA = join(ROOT, "test", "data", "patches");

function filesBelow(dir: string, prefix = ""): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = `${prefix}${name}`;
    return statSync(join(dir, name)).isDirectory() ? filesBelow(join(dir, name), `${path}/`) : [path];
  });
}

describe("the trees of test/data/patches", () => {
  for (const [tree, files] of bundledTrees()) {
    it(`${tree} has what the sketches' anchors need, and nothing else`, () => {
      const remedy = "node scripts/small-trees.js writes them";
      expect(filesBelow(join(DATA, tree)).sort(), remedy).to.deep.equal([...files.keys()].sort());
      for (const [path, text] of files)
        expect(readFileSync(join(DATA, tree, path), "utf8"), remedy).to.equal(text);
    });
  }
});
