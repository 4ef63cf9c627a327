// npm run bench [-- --short | --against FILE | --only NAME,... | --repetitions N]: everything that pvtwin is fast for.
//
// One run on one machine: each measurement of bench/measure/ against what one would use instead, in turn, 7 repetitions
// and more; CPU time, so that other work on the machine counts less. Prints each ratio with its spread, and writes
// out/bench.json. --against names what became slower than in an earlier bench.json by more than both spreads. --short takes
// a minute or two, and fails where a ratio has lost over 30 % of bench/baseline.json; --save-baseline writes that.
"use strict";

const {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} = require("node:fs");
const { tmpdir } = require("node:os");
const { dirname, join } = require("node:path");
const { parseArgs } = require("node:util");
const { ensureInstalled } = require("../scripts/ensure-installed.js");
const { ensureBuilt } = require("../scripts/ensure-built.js");
const { ROOT } = require("../scripts/run.js");
const { lost, slower } = require("./against.js");
const { machine, measure } = require("./harness.js");

const MEASUREMENTS = [
  "walk",
  "import",
  "large-import",
  "simulation",
  "designs",
  "memory",
  "growth",
  "checker",
  "replay",
  "startup",
  "draws",
  "cores",
];
/** What the short form leaves out: those take minutes, or need what a machine may lack. */
const LONG = new Set(["large-import", "memory", "growth", "checker", "cores"]);
const REPETITIONS = 7;
const SHORT_REPETITIONS = 5;
const BASELINE = join(__dirname, "baseline.json");

const HELP = `npm run bench -- [options]: what pvtwin is fast for, against what one would use instead; writes out/bench.json.

  --only NAME,...     of ${MEASUREMENTS.join(", ")}
  --short             a minute or two; fails where a ratio lost over 30 % of bench/baseline.json
  --against FILE      name what became slower than in an earlier bench.json
  --repetitions N     ${REPETITIONS}, or ${SHORT_REPETITIONS} in the short form
  --save-baseline     write bench/baseline.json

What is measured, and why, stands at the head of each file in bench/measure/.
Example: npm run bench -- --only growth,designs --repetitions 3
`;

async function bench() {
  const { values: options } = parseArgs({
    options: {
      help: { type: "boolean", default: false },
      short: { type: "boolean", default: false },
      "save-baseline": { type: "boolean", default: false },
      against: { type: "string" },
      only: { type: "string" },
      repetitions: { type: "string" },
    },
  });
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const { short, against } = options;
  const repetitions = Number(options.repetitions ?? (short ? SHORT_REPETITIONS : REPETITIONS));
  const names = options.only?.split(",") ?? MEASUREMENTS.filter((name) => !short || !LONG.has(name));
  const unknown = names.find((name) => !MEASUREMENTS.includes(name));
  if (unknown !== undefined)
    return refuse(`--only ${unknown}: no such measurement; give ${MEASUREMENTS.join(", ")}`);
  if (!(repetitions >= 1)) return refuse(`--repetitions ${options.repetitions}: give a number from 1 on`);
  if (against !== undefined && !existsSync(against))
    return refuse(`--against ${against}: no such file; give a bench.json of an earlier run`);
  const earlier = against === undefined ? undefined : JSON.parse(readFileSync(against, "utf8"));

  const status = (await ensureInstalled()) || (await ensureBuilt());
  if (status !== 0) return status;
  const folder = mkdtempSync(join(tmpdir(), "pvtwin-bench-"));
  const rows = [];
  const skipped = {};
  try {
    for (const name of names) {
      const prepared = require(`./measure/${name}.js`).prepare(folder, short, repetitions);
      if (prepared.skipped !== undefined) {
        skipped[name] = prepared.skipped;
        console.log(`${name}: skipped, ${prepared.skipped}`);
        continue;
      }
      for (const [part, why] of Object.entries(prepared.without ?? {})) {
        skipped[`${name}: ${part}`] = why;
        console.log(`${name}: without ${part}: ${why}`);
      }
      const measured = measure(name, prepared, repetitions);
      measured.forEach(print);
      rows.push(...measured);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const document = { machine: machine(), repetitions, short, skipped, rows };
  write(join(ROOT, "out", "bench.json"), document);

  const complaints = earlier === undefined ? [] : slower(earlier.rows, rows);
  if (options["save-baseline"]) {
    const ratios = rows.filter(({ kind }) => kind === "ratio");
    write(BASELINE, Object.fromEntries(ratios.map(({ name, median }) => [name, median])));
  } else if (short && existsSync(BASELINE)) {
    complaints.push(...lost(JSON.parse(readFileSync(BASELINE, "utf8")), rows));
  } else if (short)
    console.log("no bench/baseline.json: --save-baseline, on a machine that does nothing else, makes it");
  for (const complaint of complaints) console.log(complaint);
  if (earlier !== undefined && complaints.length === 0)
    console.log("nothing became slower by more than its noise");
  return complaints.length > 0 ? 1 : 0;
}

function refuse(message) {
  process.stderr.write(`bench: ${message}\n`);
  return 2;
}

function print({ name, min, median, max, bar, met, unit }) {
  const digits = (x) => (Math.abs(x) >= 1000 ? Math.round(x).toLocaleString("en-US") : x.toPrecision(3));
  const wanted =
    bar === undefined ? "" : bar.atLeast === undefined ? `at most ${bar.atMost}` : `at least ${bar.atLeast}`;
  const verdict = bar === undefined ? "" : `  ${wanted}: ${met ? "met" : "NOT MET"}`;
  console.log(
    `${name.padEnd(58)} ${digits(median)} [${digits(min)}..${digits(max)}] ${unit ?? ""}${verdict}`,
  );
}

function write(file, document) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.tmp`, `${JSON.stringify(document, null, 2)}\n`);
  renameSync(`${file}.tmp`, file);
  console.log(`\n${file}`);
}

bench().then((status) => (process.exitCode = status));
