// npm run readme: put what `npm start` prints between the markers of README.md.
"use strict";

const { execFileSync } = require("node:child_process");
const { readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { ensureBuilt } = require("./ensure-built.js");
const { ROOT } = require("./run.js");

const README = join(ROOT, "README.md");
const MARKED = /(<!-- table:[^\n]*-->\n```\n)([^]*?)(```\n<!-- end of table -->)/;

/** What the evaluation of all proposals on the bundled recordings prints. */
function table() {
  const args = [join(ROOT, "bin", "pvtwin.js"), "evaluate"];
  return execFileSync(process.execPath, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

/** The text between the markers. */
function shown() {
  return MARKED.exec(readFileSync(README, "utf8"))[2];
}

async function update() {
  const built = await ensureBuilt();
  if (built !== 0) return built;
  const text = table();
  writeFileSync(
    README,
    readFileSync(README, "utf8").replace(MARKED, (_, head, __, tail) => head + text + tail),
  );
  return 0;
}

module.exports = { shown, table };

if (require.main === module) update().then((status) => (process.exitCode = status));
