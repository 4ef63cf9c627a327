// Events a second on redis_bench and make_j2 under shared and two designs, each in a process of its own, and these against
// shared; all others are in designs.js.
"use strict";

const { side } = require("../harness.js");

const RECORDINGS = { redis_bench: 5e6, make_j2: 2e6 };
/** One of Xen's designs, one of Linux's. */
const FEW = ["shared", "xpti", "linux-per-mm-vcpu"];

/** V8 compiles the last functions that matter, those of a fork or an mprotect here and there, behind so many runs; for a ratio fewer do. */
const WARM_UP = { long: 28, short: 7 };

exports.prepare = (_folder, short) => {
  const warmUp = WARM_UP[short ? "short" : "long"];
  const sides = {};
  const ratios = {};
  const values = {};
  for (const [recording, rate] of Object.entries(RECORDINGS)) {
    for (const proposal of FEW) {
      const key = `${recording}, ${proposal}`;
      sides[key] = () => side("simulate", [recording, proposal, warmUp], ["--expose-gc"]);
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
