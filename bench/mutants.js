// npm run bench:mutants [-- --all] [-- --only NAME,NAME]: from `pvtwin check DESIGN --mutant NAME` typed to the counterexample read.
//
// A process per run, start-up included, under the command's own bounds; each mutant on the first design that it is of, with
// --all on each. Median of REPETITIONS (default 3) with the range, and the CPU time of all threads, V8's compiler's too, which
// tells on a machine that others use. NODE_EXTRA_CA_CERTS is unset: Node 20 parses such a file at every start, for 60 ms and more.
// Exit 1 where a mutant is not caught by its property. Writes out/bench-mutants.json.
"use strict";

const { spawnSync } = require("node:child_process");
const { mkdirSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { parseArgs } = require("node:util");
const { ensureBuilt } = require("../scripts/ensure-built.js");
const { ROOT } = require("../scripts/run.js");

const BAR_MS = 2000;
const REPETITIONS = Number(process.env.REPETITIONS ?? 3);
const TIMES = /(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/;

/** One run of the command: wall and CPU milliseconds, and whether `caughtBy` is violated. */
function once(design, mutant, caughtBy) {
  const env = { ...process.env };
  delete env.NODE_EXTRA_CA_CERTS;
  const program = [process.execPath, join(ROOT, "bin", "pvtwin.js"), "check", design, "--mutant", mutant];
  const began = performance.now();
  const { stdout, stderr } = spawnSync("bash", ["-c", '"$@"; times >&2', "bash", ...program], {
    env,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  const wall = performance.now() - began;
  const [minutes, seconds, systemMinutes, systemSeconds] = TIMES.exec(stderr).slice(1).map(Number);
  const cpu = 1000 * (60 * (minutes + systemMinutes) + seconds + systemSeconds);
  return { wall, cpu, caught: new RegExp(`^violated +\\S+ +${caughtBy}$`, "m").test(stdout) };
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
  console.log("NODE_EXTRA_CA_CERTS is unset. Milliseconds, median [range]; CPU time of all threads");
  const rows = [];
  for (const name of names) {
    const { on, caughtBy } = MUTANTS[name];
    for (const design of values.all ? on : on.slice(0, 1)) {
      const runs = Array.from({ length: REPETITIONS }, () => once(design, name, caughtBy));
      const of = (what) => runs.map((run) => run[what]).sort((a, b) => a - b);
      const [wall, cpu] = [of("wall"), of("cpu")].map((all) => all.map(Math.round));
      const [middle, most] = [(REPETITIONS - 1) >> 1, REPETITIONS - 1];
      const caught = runs.every((run) => run.caught);
      rows.push({ mutant: name, design, wall, cpu, caught, met: wall[middle] < BAR_MS });
      const verdict = !caught ? `NOT CAUGHT by ${caughtBy}` : wall[middle] < BAR_MS ? "" : "NOT UNDER 2 s";
      console.log(
        `${name.padEnd(28)} ${design.padEnd(26)} ${String(wall[middle]).padStart(6)} ` +
          `[${wall[0]}..${wall[most]}]  CPU ${cpu[middle]}  ${verdict}`.trimEnd(),
      );
    }
  }
  const missed = rows.filter(({ met }) => !met).length;
  console.log(`${rows.length - missed} of ${rows.length} under ${BAR_MS} ms`);
  mkdirSync(join(ROOT, "out"), { recursive: true });
  writeFileSync(join(ROOT, "out", "bench-mutants.json"), `${JSON.stringify(rows, null, 1)}\n`);
  return rows.every(({ caught }) => caught) ? 0 : 1;
}

bench().then((status) => (process.exitCode = status));
