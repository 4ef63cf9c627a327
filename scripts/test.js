// npm test: install and build what is missing, then run the tests.
// Arguments after `--` go to mocha; where they name files, only these run: npm test -- test/abi/path.test.ts
"use strict";

const { existsSync } = require("node:fs");
const { join } = require("node:path");
const { ensureInstalled } = require("./ensure-installed.js");
const { ROOT, runNode } = require("./run.js");

async function test(args) {
  const installed = await ensureInstalled();
  if (installed !== 0) return installed;
  const built = await require("./ensure-built.js").ensureBuilt(); // some tests run the command
  if (built !== 0) return built;
  return runNode(require.resolve("mocha/bin/mocha.js"), [...settings(args), ...args]);
}

/** mocha adds files on its command line to those of .mocharc.json; here they stand for them. */
function settings(args) {
  if (!args.some((arg) => !arg.startsWith("-") && existsSync(join(ROOT, arg)))) return [];
  const kept = Object.entries(require("../.mocharc.json")).filter(([key]) => key !== "spec");
  return ["--no-config", ...kept.map(([key, value]) => (value === true ? `--${key}` : `--${key}=${value}`))];
}

test(process.argv.slice(2)).then((status) => (process.exitCode = status));
