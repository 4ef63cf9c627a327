// node scripts/small-trees.js: write test/data/patches/, trees with no more in them than what the sketches' anchors need.
// They show pvtwin patches without a kernel at hand; test/patches-notes/small-tree.test.ts holds them up to date.
"use strict";

require("ts-node/register");
const { mkdirSync, rmSync, writeFileSync } = require("node:fs");
const { dirname, join } = require("node:path");
const { ROOT } = require("./run.js");
const { bundledTrees } = require("../test/patches-notes/bundled-trees.ts");

const DATA = join(ROOT, "test", "data", "patches");

for (const [tree, files] of bundledTrees()) {
  rmSync(join(DATA, tree), { recursive: true, force: true });
  for (const [path, text] of files) {
    mkdirSync(dirname(join(DATA, tree, path)), { recursive: true });
    writeFileSync(join(DATA, tree, path), text);
  }
}
