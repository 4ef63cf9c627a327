// npm run bench:mutants [-- --all] [-- --only NAME,NAME]: from `pvtwin check DESIGN --mutant NAME` typed to the first counterexample
// read on its standard output, the line that replays it included, which is what the bar is for; and to its end.
//
// A process per run, start-up included, under the command's own bounds; each mutant on the first design that it is of, with
// --all on each. Median of REPETITIONS (default 3) with the range; and the CPU time to the end of all threads, V8's compiler's too,
// which tells on a machine that others use. NODE_EXTRA_CA_CERTS is unset: Node 20 parses such a file at every start, for 60 ms and more.
// Exit 1 where a mutant is not caught by its property. Writes out/bench-mutants.json.
"use strict";

const { spawn } = require("node:child_process");
const { mkdirSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { parseArgs } = require("node:util");
const { ensureBuilt } = require("../scripts/ensure-built.js");
const { ROOT } = require("../scripts/run.js");

const BAR_MS = 2000;
const REPETITIONS = Number(process.env.REPETITIONS ?? 3);
/** The end of a counterexample. */
const FIRST = /^pvtwin check --replay \S+\n/m;
const TIMES = /(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/;

/** One run of the command: milliseconds to the first counterexample, to the end, and of CPU; and whether `caughtBy` is violated. */
function once(design, mutant, caughtBy) {
  const env = { ...process.env };
  delete env.NODE_EXTRA_CA_CERTS;
  const program = [process.execPath, join(ROOT, "bin", "pvtwin.js"), "check", design, "--mutant", mutant];
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const shell = spawn("bash", ["-c", '"$@"; times >&2', "bash", ...program], { env });
    let stdout = "";
    let stderr = "";
    let first;
    shell.stdout.setEncoding("utf8").on("data", (text) => {
      stdout += text;
      if (first === undefined && FIRST.test(stdout)) first = performance.now() - began;
    });
    shell.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    shell.on("error", reject);
    shell.on("close", () => {
      const end = performance.now() - began;
      const [minutes, seconds, systemMinutes, systemSeconds] = TIMES.exec(stderr).slice(1).map(Number);
      const cpu = 1000 * (60 * (minutes + systemMinutes) + seconds + systemSeconds);
      const caught = new RegExp(`^violated +\\S+ +${caughtBy}$`, "m").test(stdout);
      resolve({ first: first ?? end, end, cpu, caught });
    });
  });
}

async function bench() {
  const options = { all: { type: "boolean", default: false }, only: { type: "string" } };
  const { values } = parseArgs({ options });
  const status = await ensureBuilt();
  if (status !== 0) return status;
  const { MUTANTS } = require("../dist/experiments/check/mutants.js");
  const names = values.only?.split(",") ?? Object.keys(MUTANTS);
  const unknown = names.find((name) => MUTANTS[name] === undefined);
  if (unknown !== undefined) {
    process.stderr.write(`bench: --only ${unknown}: is no mutant; pvtwin check --mutants lists them\n`);
    return 2;
  }
  const columns = "first counterexample, end [ranges]";
  console.log(`NODE_EXTRA_CA_CERTS is unset. Milliseconds, medians: ${columns}; CPU time of all threads`);
  const rows = [];
  for (const name of names) {
    const { on, caughtBy } = MUTANTS[name];
    for (const design of values.all ? on : on.slice(0, 1)) {
      const runs = [];
      for (let i = 0; i < REPETITIONS; i++) runs.push(await once(design, name, caughtBy));
      const of = (what) => runs.map((run) => Math.round(run[what])).sort((a, b) => a - b);
      const [first, end, cpu] = [of("first"), of("end"), of("cpu")];
      const middle = (REPETITIONS - 1) >> 1;
      const caught = runs.every((run) => run.caught);
      const met = first[middle] < BAR_MS;
      rows.push({ mutant: name, design, first, end, cpu, caught, met });
      const verdict = !caught ? `NOT CAUGHT by ${caughtBy}` : met ? "" : "NOT UNDER 2 s";
      const time = (all) => `${String(all[middle]).padStart(6)} ${`[${all[0]}..${all.at(-1)}]`.padEnd(12)}`;
      console.log(
        `${name.padEnd(28)} ${design.padEnd(26)} ${time(first)} ${time(end)} CPU ${cpu[middle]}  ${verdict}`.trimEnd(),
      );
    }
  }
  const missed = rows.filter(({ met }) => !met).length;
  console.log(`${rows.length - missed} of ${rows.length} first counterexamples under ${BAR_MS} ms`);
  mkdirSync(join(ROOT, "out"), { recursive: true });
  writeFileSync(join(ROOT, "out", "bench-mutants.json"), `${JSON.stringify(rows, null, 1)}\n`);
  return rows.every(({ caught }) => caught) ? 0 : 1;
}

bench().then((status) => (process.exitCode = status));
