// Events a second of each proposal on redis_bench and make_j2, each in a process of its own, and each against shared.
"use strict";

const { side } = require("../harness.js");

const RECORDINGS = { redis_bench: 5e6, make_j2: 2e6 };
/** The short form's: one of Xen's designs, one of Linux's. */
const FEW = ["shared", "xpti", "linux-per-mm-vcpu"];

exports.prepare = (_folder, short) => {
  const { loadProposals } = require("../../dist/experiments/evaluate.js");
  const all = loadProposals([]).map(({ name }) => name);
  const sides = {};
  const ratios = {};
  const values = {};
  for (const [recording, rate] of Object.entries(RECORDINGS)) {
    for (const proposal of short ? FEW : all) {
      const key = `${recording}, ${proposal}`;
      sides[key] = () => side("simulate", [recording, proposal], ["--expose-gc"]);
      values[`events/s, ${key}`] = {
        of: (sample) => sample[key].events / sample[key].cpu,
        bar: proposal === "shared" ? { atLeast: rate } : undefined,
        unit: "events/s",
      };
      if (proposal === "shared") {
        const of = (sample) => sample[key].events / sample[key].first;
        values[`events/s of a first run, while V8 compiles, ${key}`] = { of, unit: "events/s" };
        continue;
      }
      ratios[`speed to shared's, ${key}`] = {
        of: (sample) => sample[`${recording}, shared`].cpu / sample[key].cpu,
        bar: { atLeast: 0.5 },
      };
    }
  }
  return { sides, ratios, values };
};
