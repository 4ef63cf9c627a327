// The hardware walk against the same text in C (bench/walk.c), over the tables and the pages that make_j2 leaves halfway.
//
// near: 512 pages of one process, whose tables stay in the cache next to the core. far: all pages of all processes.
"use strict";

const { join } = require("node:path");
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
      const lines = runProgram(program, [join(folder, "tables"), accesses, rounds])
        .stdout.trim()
        .split("\n");
      return { ns: spread(lines.slice(0, -1).map(Number)).median, sum: Number(lines.at(-1).slice(4)) };
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
  return { sides, ratios, values };
};
