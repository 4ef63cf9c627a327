// Every proposal and control against shared, on two recordings: by the blocks of code that run, which are the same in each run
// (bench/side/blocks.js), and by CPU time once V8 has compiled what runs. Of time, shared and the other run in turn in one process,
// and a repetition is one run of each; so all repetitions of a proposal are behind each other, and take some 4 s. The short form has
// the blocks of a few. With 3 repetitions the long form takes some four minutes, most of them to compile.
"use strict";

const { side } = require("../harness.js");

const RECORDINGS = ["redis_bench", "make_j2"];
/** One of Xen's designs, two of Linux's: one that broadcasts nothing, one that copies at each switch of process. */
const FEW = ["xpti", "linux-per-mm-vcpu", "linux-per-vcpu"];
const BAR = { atLeast: 0.5 };

exports.prepare = (_folder, short, repetitions) => {
  const { loadProposals } = require("../../dist/experiments/evaluate.js");
  const all = loadProposals([]).map(({ name }) => name);
  const others = short ? FEW : all.filter((name) => name !== "shared");
  const sides = {};
  const ratios = {};
  for (const recording of RECORDINGS) {
    let counted; // once a run
    const count = () => side("designs", [recording, "blocks", "shared", ...others], ["--no-opt"]);
    sides[`blocks ${recording}`] = () => (counted ??= count());
    for (const proposal of others) {
      const key = `${recording}, ${proposal}`;
      const ofBlocks = (s) => s[`blocks ${recording}`].shared / s[`blocks ${recording}`][proposal];
      ratios[`blocks of shared to its own, ${key}`] = { of: ofBlocks, bar: BAR };
      if (short) continue;
      let timed; // all repetitions at once, and one more, which does not count
      let next = 0;
      sides[key] = () => {
        timed ??= side("designs", [recording, proposal, repetitions + 1], ["--expose-gc"]);
        return { shared: timed.shared[next], own: timed.own[next++] };
      };
      ratios[`speed to shared's, ${key}`] = { of: (s) => s[key].shared / s[key].own, bar: BAR };
    }
  }
  return { sides, ratios };
};
