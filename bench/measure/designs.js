// Every proposal and control against shared, on two recordings: by CPU time once V8 has compiled what runs, each in a process
// of its own, and by the blocks of code that run, which are the same in each run (bench/side/blocks.js). The short form has
// the blocks of a few.
"use strict";

const { side } = require("../harness.js");

const RECORDINGS = ["redis_bench", "make_j2"];
/** One of Xen's designs, two of Linux's: one that broadcasts nothing, one that copies at each switch of process. */
const FEW = ["xpti", "linux-per-mm-vcpu", "linux-per-vcpu"];
const BAR = { atLeast: 0.5 };

exports.prepare = (_folder, short) => {
  const { loadProposals } = require("../../dist/experiments/evaluate.js");
  const all = loadProposals([]).map(({ name }) => name);
  const sides = {};
  const ratios = {};
  for (const recording of RECORDINGS) {
    for (const proposal of short ? ["shared", ...FEW] : all) {
      const key = `${recording}, ${proposal}`;
      const base = `${recording}, shared`;
      let counted; // once a run
      const count = () => side("simulate", [recording, proposal, "blocks"], ["--no-opt"]).blocks;
      sides[`blocks ${key}`] = () => (counted ??= count());
      if (!short) sides[key] = () => side("simulate", [recording, proposal], ["--expose-gc"]).cpu;
      if (proposal === "shared") continue;
      const ofBlocks = (s) => s[`blocks ${base}`] / s[`blocks ${key}`];
      ratios[`blocks of shared to its own, ${key}`] = { of: ofBlocks, bar: BAR };
      if (!short) ratios[`speed to shared's, ${key}`] = { of: (s) => s[base] / s[key], bar: BAR };
    }
  }
  return { sides, ratios };
};
