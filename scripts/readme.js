// npm run readme: put what the commands print between the markers of README.md.
"use strict";

const { execFileSync } = require("node:child_process");
const { readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { ensureBuilt } = require("./ensure-built.js");
const { ROOT } = require("./run.js");

const README = join(ROOT, "README.md");

/** What stands between the markers of each name, made anew. */
const PARTS = {
  /** The evaluation of all proposals on the bundled recordings. */
  table() {
    const args = [join(ROOT, "bin", "pvtwin.js"), "evaluate"];
    const text = execFileSync(process.execPath, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    return `\`\`\`\n${text}\`\`\`\n`;
  },
  /** Who keeps the promise under generated work. */
  promise() {
    const { loadProposals } = require("../dist/experiments/evaluate.js");
    const { promiseTable, renderPromiseTable } = require("../dist/experiments/synthetic/promise-table.js");
    return renderPromiseTable(promiseTable(loadProposals([])));
  },
  /** From today to a Xen that maps no secrets. */
  secrets() {
    const args = [join(ROOT, "bin", "pvtwin.js"), "secrets", "linux-per-mm-vcpu", "--staircase"];
    const text = execFileSync(process.execPath, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    return `\`\`\`\n${text}\`\`\`\n`;
  },
  /** The example of a suite: its idea and first claims. */
  example() {
    const suite = readFileSync(join(ROOT, "test", "examples", "idle-tables.test.ts"), "utf8");
    const shown = suite.slice(suite.indexOf("class IdleTables"), suite.indexOf('  it("cost CR3 loads'));
    return `\`\`\`ts\n${shown}  // ...\n});\n\`\`\`\n`;
  },
};

const NAMES = Object.keys(PARTS);
/** Those that take a minute or two: their test is of the long suite. */
const LONG_NAMES = ["table", "promise"];

function marked(name) {
  return new RegExp(`(<!-- ${name}: [^\\n]*-->\\n)([^]*?)(<!-- end of ${name} -->)`);
}

/** What README.md has for `name`, and what it should have. */
function shown(name) {
  return marked(name).exec(readFileSync(README, "utf8"))[2];
}

function made(name) {
  return PARTS[name]();
}

async function update() {
  const built = await ensureBuilt();
  if (built !== 0) return built;
  let text = readFileSync(README, "utf8");
  for (const name of NAMES) {
    const part = made(name);
    text = text.replace(marked(name), (_, head, __, tail) => head + part + tail);
  }
  writeFileSync(README, text);
  return 0;
}

module.exports = { LONG_NAMES, NAMES, made, shown };

if (require.main === module) update().then((status) => (process.exitCode = status));
