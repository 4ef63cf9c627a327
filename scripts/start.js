// npm start: install and build what is missing, evaluate all proposals, write out/report.html.
// Arguments after `--` go to `pvtwin evaluate`: npm start -- --workload my.perf.txt.gz
"use strict";

const { join } = require("node:path");
const { ensureInstalled } = require("./ensure-installed.js");
const { ROOT, runNode } = require("./run.js");

async function start(args) {
  const installed = await ensureInstalled();
  if (installed !== 0) return installed;
  const built = await require("./ensure-built.js").ensureBuilt();
  if (built !== 0) return built;
  const out = args.includes("--out") ? [] : ["--out", "out"];
  return runNode(join(ROOT, "bin", "pvtwin.js"), ["evaluate", ...out, ...args]);
}

start(process.argv.slice(2)).then((status) => (process.exitCode = status));
