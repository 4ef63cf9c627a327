// The hardware walk against the same text in C (bench/walk.c), over the tables and the pages that make_j2 leaves halfway; and
// against Unicorn's software MMU (bench/walk-unicorn.c), where Unicorn is installed.
//
// near: 512 pages of one process, whose tables stay in the cache next to the core. far: all pages of all processes.
"use strict";

const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { buildUnicorn } = require("../build-unicorn.js");
const { CC, has, runProgram, side, spread } = require("../harness.js");

const ROUNDS = 30;

exports.prepare = (folder, short) => {
  if (!has(CC)) return { skipped: `there is no C compiler (${CC})` };
  const program = join(folder, "walk");
  runProgram(CC, ["-O2", "-o", program, join(__dirname, "..", "walk.c")]);
  const tables = side("walk-tables", [folder]);
  const rounds = short ? 10 : ROUNDS;
  const sides = {};
  const ratios = {};
  for (const reach of ["near", "far"]) {
    const accesses = join(folder, `${reach}.accesses`);
    sides[`c ${reach}`] = () => {
      const { times, sum } = answersOf(program, [join(folder, "tables"), accesses, rounds]);
      return { ns: spread(times.map(Number)).median, sum };
    };
    sides[`js ${reach}`] = () => side("walk", [folder, reach, rounds]);
    ratios[`speed of the walk to C's, ${reach}`] = {
      of: (sample) => {
        const [c, js] = [sample[`c ${reach}`], sample[`js ${reach}`]];
        if (c.sum !== js.sum) throw new Error(`bench: the walks differ: sum ${js.sum}, in C ${c.sum}`);
        return c.ns / js.ns;
      },
      bar: { atLeast: 0.85 },
    };
  }
  const values = {
    "ns of CPU a walk, near": { of: (sample) => sample["js near"].ns / tables.accesses, unit: "ns" },
  };
  const unicorn = buildUnicorn(folder);
  if (unicorn.skipped !== undefined)
    return { sides, ratios, values, without: { "Unicorn's walk": unicorn.skipped } };
  addUnicorn({ sides, ratios, values }, unicorn.program, folder, { rounds, once: tables.once });
  return { sides, ratios, values };
};

/** Unicorn's walk, and ours over the same list; both numbers of Unicorn's: all that it took, and less the rounds of no walks. */
function addUnicorn({ sides, ratios, values }, program, folder, { rounds, once }) {
  const marksOf = (name) => join(folder, `${name}.marks`);
  sides["js once"] = () => side("walk", [folder, "once", rounds, marksOf("js")]);
  sides.unicorn = () => {
    const files = [join(folder, "tables"), join(folder, "once.accesses")];
    const { times, sum } = answersOf(program, [...files, rounds, marksOf("unicorn")]);
    const rows = times.map((line) => line.split(" ").map(Number));
    const all = spread(rows.map(([walks]) => walks)).median;
    const walks = spread(rows.map(([walking, idle]) => walking - idle)).median;
    if (!readFileSync(marksOf("unicorn")).equals(readFileSync(marksOf("js"))))
      throw new Error("bench: Unicorn's walks and ours do not set A and D in the same entries");
    return { all, walks, sum };
  };
  const speedTo = (key) => (sample) => {
    const { sum } = sample.unicorn;
    const { read } = sample["js once"];
    if (!Number.isNaN(sum) && sum !== read)
      throw new Error(`bench: the walks differ: frames of reads ${read}, in Unicorn ${sum}`);
    return sample.unicorn[key] / sample["js once"].ns;
  };
  ratios["speed of the walk to Unicorn's, a process's pages in turn"] = { of: speedTo("walks") };
  ratios["the same, with the guest's loop around it"] = { of: speedTo("all") };
  values["ns of CPU a walk in Unicorn"] = { of: (sample) => sample.unicorn.walks / once, unit: "ns" };
}

/** What a walker of bench/ prints: a line a round, and "sum N", which is NaN for one that does not know it. */
function answersOf(program, args) {
  const lines = runProgram(program, args).stdout.trim().split("\n");
  return { times: lines.slice(0, -1), sum: Number(lines.at(-1).slice(4)) };
}
