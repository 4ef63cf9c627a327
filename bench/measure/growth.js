// How CPU time grows with what it should grow with in proportion: exponents of a power law over the larger sizes.
//
// events: parts of redis_bench. threads: a machine with so many threads is built. slots: so often a top-level slot is mapped,
// touched and unmapped. vCPUs: cost of so many events, the same number, at 4 and at 16 vCPUs, for designs that tell no other vCPU.
"use strict";

const { side } = require("../harness.js");

const SIZES = {
  events: [60_000, 120_000, 240_000],
  threads: [2000, 4000, 8000],
  slots: [20_000, 40_000, 80_000],
};
const QUIET = ["shared", "xen-vcpu-root", "linux-per-thread-unlazy"];

exports.prepare = () => {
  const sides = {};
  const ratios = {};
  for (const [what, sizes] of Object.entries(SIZES)) {
    for (const size of sizes) sides[`${what} ${size}`] = () => side("grow", [what, size, "shared"]);
    const [from, , to] = sizes;
    ratios[`exponent of time by ${what}`] = {
      of: (s) => Math.log(s[`${what} ${to}`].cpu / s[`${what} ${from}`].cpu) / Math.log(to / from),
      bar: { atMost: 1.05 },
    };
  }
  for (const proposal of QUIET) {
    for (const vcpus of [4, 16])
      sides[`${proposal} ${vcpus}`] = () => side("grow", ["vcpus", vcpus, proposal]);
    ratios[`cost of an event at 16 vCPUs to 4, ${proposal}`] = {
      of: (s) => s[`${proposal} 16`].cpu / s[`${proposal} 4`].cpu,
      bar: { atMost: 1.05 },
    };
  }
  return { sides, ratios };
};
