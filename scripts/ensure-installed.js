// See that node_modules is what package-lock.json says, and install it where it is not.
//
// Uses nothing but Node, since it runs in a fresh clone. `node scripts/ensure-installed.js` does just this.
"use strict";

const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { ROOT, run, runNode } = require("./run.js");

/** Install if needed; returns 0, or the exit status of what went wrong (said on stderr). */
async function ensureInstalled() {
  const { engines } = readJson("package.json");
  if (!isAtLeast(process.versions.node, engines.node.replace(/^>=/, ""))) {
    process.stderr.write(`pvtwin: this is Node ${process.versions.node}; it takes ${engines.node}\n`);
    return 2;
  }
  const reason = whyInstall();
  if (reason === undefined) return 0;
  process.stderr.write(`pvtwin: ${reason}: npm ci\n`);
  const npm = process.env.npm_execpath; // the npm that runs us, where one does
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const status = npm?.endsWith(".js") ? await runNode(npm, args) : await run("npm", args);
  if (status !== 0) {
    process.stderr.write(`pvtwin: npm ci failed (${status}); its message is above\n`);
  }
  return status;
}

/**
 * Why node_modules is not usable, or undefined. npm writes node_modules/.package-lock.json last, so it is
 * there only after an install that came to its end.
 */
function whyInstall(root = ROOT) {
  const wanted = readJson("package-lock.json", root)?.packages;
  const found = readJson("node_modules/.package-lock.json", root)?.packages;
  if (wanted === undefined) return undefined;
  if (found === undefined) return "the packages are not installed";
  for (const [place, { version, optional }] of Object.entries(wanted)) {
    if (place === "" || optional === true || found[place]?.version === version) continue;
    const name = place.replace(/^.*node_modules\//, "");
    return found[place] === undefined ? `${name} is not installed` : `${name} is not version ${version}`;
  }
  return undefined;
}

function readJson(file, root = ROOT) {
  try {
    return JSON.parse(readFileSync(join(root, file), "utf8"));
  } catch {
    return undefined;
  }
}

function isAtLeast(version, wanted) {
  const [a, b] = [version, wanted].map((text) => text.split(".").map(Number));
  const at = [0, 1, 2].find((i) => a[i] !== b[i]);
  return at === undefined || a[at] > b[at];
}

module.exports = { ensureInstalled, whyInstall };

if (require.main === module) {
  ensureInstalled().then((status) => (process.exitCode = status));
}
