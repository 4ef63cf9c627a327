// What every measurement of `npm run bench` shares: sides run in turn, ratios with their spread, CPU time.
//
// A measurement (bench/measure/) is {name, prepare(folder, short, repetitions)}, which answers {sides, ratios, values, without}, or
// {skipped: why}; `without` says of each part that is left out why. A side is a function that measures once, and answers an
// object of numbers; all sides of one measurement are run in turn, in each repetition anew. Ratios and values are functions
// of one repetition's answers, with a bar if there is one.
"use strict";

const { spawnSync } = require("node:child_process");
const { cpus, totalmem } = require("node:os");
const { join } = require("node:path");
const { setTimeout } = require("node:timers/promises");
const { ROOT } = require("../scripts/run.js");

/** Of the C compiler; where there is none, what needs it is skipped. */
const CC = process.env.CC ?? "cc";

/** Less than QUIET_CPU seconds in so many ms are of the timer itself. */
const QUIET_MS = 10;
const QUIET_CPU = 0.001;

/** Run a program to its end; answers {stdout, wall}, seconds. Throws where it fails. */
function runProgram(program, args, options = {}) {
  const began = performance.now();
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    ...options,
  });
  if (error !== undefined || status !== 0) {
    throw new Error(`bench: ${program} ${args.join(" ")}: ${error?.message ?? stderr.trim().slice(-2000)}`);
  }
  return { stdout, wall: (performance.now() - began) / 1000 };
}

/** Run `bench/side/NAME.js`, which prints one JSON object; answers that. */
function side(name, args = [], flags = []) {
  const script = join(__dirname, "side", `${name}.js`);
  return JSON.parse(runProgram(process.execPath, [...flags, script, ...args.map(String)]).stdout);
}

/** {cpu, wall}: CPU seconds, user and system, of a shell command and all that it starts, and how long it took. */
function timesOf(command) {
  const { stdout, wall } = runProgram("bash", ["-c", timed(command)]);
  return { cpu: cpuOf(stdout), wall };
}

/** For bash: the command, whose failure is that of the whole, and nothing printed but what cpuOf() reads. */
function timed(command) {
  return `{ ${command}; } >/dev/null && times`;
}

/** CPU seconds, user and system, that a timed() command has printed. */
function cpuOf(stdout) {
  const [user, system] = stdout.trim().split("\n").at(-1).split(" ").map(minutes);
  return user + system;
}

function minutes(text) {
  const [, m, s] = /(\d+)m([\d.]+)s/.exec(text);
  return Number(m) * 60 + Number(s);
}

/**
 * Wait until V8's other threads have nothing to do any more: they compile, and give memory back behind a collection. For who measures
 * this process's CPU time next.
 */
async function quiet() {
  for (let before = process.cpuUsage(); ; before = process.cpuUsage()) {
    await setTimeout(QUIET_MS);
    if (cpuSince(before) < QUIET_CPU) return;
  }
}

/** CPU seconds of this process since `before`, an answer of process.cpuUsage(). */
function cpuSince(before) {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function has(program) {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return { min: sorted[0], median: sorted[(sorted.length - 1) >> 1], max: sorted.at(-1) };
}

/** All repetitions of one measurement; the first, in which code is compiled and files come into memory, does not count. */
function measure(name, { sides, ratios = {}, values = {}, once = false }, repetitions) {
  const samples = [];
  for (let i = once ? 1 : 0; i <= (once ? 1 : repetitions); i++) {
    const sample = Object.fromEntries(Object.entries(sides).map(([key, run]) => [key, run()]));
    if (i > 0) samples.push(sample);
  }
  const rows = (table, kind) =>
    Object.entries(table).map(([key, { of, bar, unit }]) => {
      const found = spread(samples.map(of));
      return { name: `${name}: ${key}`, kind, ...found, ...judged(found.median, bar), unit };
    });
  return [...rows(ratios, "ratio"), ...rows(values, "value")];
}

function judged(median, bar) {
  if (bar === undefined) return {};
  const met = bar.atLeast === undefined ? median <= bar.atMost : median >= bar.atLeast;
  return { bar, met };
}

function machine() {
  const all = cpus();
  return {
    cpu: all[0]?.model,
    cores: all.length,
    memoryBytes: totalmem(),
    node: process.version,
    versions: process.versions,
  };
}

module.exports = {
  CC,
  cpuOf,
  cpuSince,
  has,
  machine,
  measure,
  quiet,
  runProgram,
  side,
  spread,
  timed,
  timesOf,
};
