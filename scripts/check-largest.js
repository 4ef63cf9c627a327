// npm run check:largest [-- --time S] [--memory MB] [--workers N] [--only DESIGN,DESIGN] [--again]
//
// Each design that should hold under bounds beyond those that the tests pin, until all is explored or the time is over: ten
// minutes and 8 GiB a row, on two threads. A row is a run of `pvtwin check`; what it printed goes to out/largest/, and a row that is there
// is not run again, unless its command is another one, or --again is given. The table of all rows is written to
// experiments/check/LARGEST.md. For a machine with nothing else to do: where a row ends by time, how far it came depends on that.
"use strict";

const { spawnSync } = require("node:child_process");
const { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } = require("node:fs");
const { cpus } = require("node:os");
const { join } = require("node:path");
const { parseArgs } = require("node:util");
const { ensureBuilt } = require("./ensure-built.js");
const { ROOT } = require("./run.js");

const HOLDING = [
  "xen-vcpu-root",
  "linux-per-mm-vcpu",
  "linux-per-thread-unlazy",
  "linux-per-vcpu",
  "linux-per-vcpu-local-flush",
];
/** Beyond 2 vCPUs, 3 threads over 2 mms, 2 slots and 2 operations: one more slot. */
const BOUNDS = ["--vcpus", "2", "--threads", "3", "--mms", "2", "--slots", "3", "--ops", "2"];
const TABLE = join(ROOT, "experiments", "check", "LARGEST.md");

async function main() {
  const { values } = parseArgs({
    options: {
      time: { type: "string", default: "600" },
      memory: { type: "string", default: "8192" },
      workers: { type: "string", default: "2" },
      only: { type: "string" },
      again: { type: "boolean", default: false },
    },
  });
  const designs = values.only?.split(",") ?? HOLDING;
  const unknown = designs.find((name) => !HOLDING.includes(name));
  if (unknown !== undefined) return refuse(`--only ${unknown}: is none of ${HOLDING.join(", ")}`);
  for (const name of ["time", "memory", "workers"])
    if (!/^[1-9]\d{0,8}$/.test(values[name]))
      return refuse(`--${name} ${values[name]}: is no number; give a whole one, from 1 on`);
  const status = await ensureBuilt();
  if (status !== 0) return status;
  const { time, memory, workers } = values;
  const how = ["--workers", workers, "--memory", memory, "--time", time, "--no-progress"];
  let broken = 0;
  for (const design of designs) {
    const args = ["check", design, ...BOUNDS, ...how];
    const row = (!values.again && known(design, args)) || run(design, args);
    if (row === undefined) return 1;
    if (row.result.verdict === "violated") broken++;
    console.log(lineOf(row));
  }
  writeTable();
  return broken > 0 ? 1 : 0;
}

function refuse(message) {
  process.stderr.write(`check:largest: ${message}\n`);
  return 2;
}

const fileOf = (design) => join(ROOT, "out", "largest", `${design}.json`);

/** The row of an earlier run of the same command. */
function known(design, args) {
  const file = fileOf(design);
  if (!existsSync(file)) return undefined;
  const row = JSON.parse(readFileSync(file, "utf8"));
  return args === undefined || row.args.join(" ") === args.join(" ") ? row : undefined;
}

function run(design, args) {
  const program = join(ROOT, "bin", "pvtwin.js");
  const options = { encoding: "utf8", maxBuffer: 2 ** 28, stdio: ["ignore", "pipe", "inherit"] };
  const { stdout, status } = spawnSync(process.execPath, [program, ...args, "--json"], options);
  if (status !== 0 && status !== 1) {
    process.stderr.write(`check:largest: pvtwin ${args.join(" ")} ended with ${status}; it has said why\n`);
    return undefined;
  }
  const row = { args, result: JSON.parse(stdout) };
  mkdirSync(join(ROOT, "out", "largest"), { recursive: true });
  write(fileOf(design), `${JSON.stringify(row)}\n`);
  return row;
}

function write(file, text) {
  writeFileSync(`${file}.tmp`, text);
  renameSync(`${file}.tmp`, file);
}

/** A design, what was found, how much was seen, and whether that was all. */
function lineOf({ result }) {
  const { proposal, states, transitions, depth, seconds, properties, soundness } = result;
  const violated = properties.filter(({ verdict }) => verdict === "violated").map(({ name }) => name);
  const all = soundness.includes("Every state that can be reached was.");
  const counts = [states, transitions, depth].map((n) => n.toLocaleString("en-US"));
  const covered = all ? "all" : `nothing violated up to depth ${depth - 1}`;
  const found = violated.length > 0 ? `violated: ${violated.join(", ")}` : covered;
  return `| ${[proposal, ...counts, seconds.toFixed(0), found].join(" | ")} |`;
}

function writeTable() {
  const rows = HOLDING.map((design) => known(design)).filter((row) => row !== undefined);
  const lines = [
    "# The largest bounds",
    "",
    "Written by `npm run check:largest`: what ten minutes and 8 GiB allow, with all reductions, of what must always hold.",
    `Node ${process.version}, ${cpus()[0]?.model.trim()}.`,
    "",
    "| design | states | transitions | depth | s | explored |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows.map(lineOf),
    "",
    "The command of each row:",
    "",
    "```",
    ...rows.map(({ args }) => `pvtwin ${args.join(" ")}`),
    "```",
    "",
  ];
  write(TABLE, lines.join("\n"));
  console.log(`\n${TABLE}`);
}

main().then((status) => (process.exitCode = status));
