// How cost grows with what it should grow with in proportion, and with the vCPUs, with which an event's should not grow.
//
// Each twice: by CPU time, and by the blocks of code that run, which V8 counts exactly (bench/side/blocks.js). Time grows with
// the caches' misses too, which are no algorithm's doing; so where the time is over its bar and the blocks are not, it is that, or the
// machine had other work.
//
// events: parts of redis_bench. threads: so many in one process. boot: of a machine with so many vCPUs. slots: so often a
// top-level slot is mapped, touched and unmapped. vCPUs: what system calls and switches between 32 threads cost at 16 vCPUs to what as
// many cost at 4. Designs that tell other vCPUs of a slot do not of these; nor does any other.
"use strict";

const { side } = require("../harness.js");

const SIZES = {
  events: [60_000, 240_000],
  threads: [2000, 8000],
  boot: [64, 256],
  slots: [2000, 8000],
};
const VCPUS = [4, 16];
/** By time; by blocks it is all of them. */
const QUIET = ["shared", "xen-vcpu-root", "linux-per-thread-unlazy"];
const LINEAR = { atMost: 1.05 };
const FLAGS = {
  cpu: ["--expose-gc"],
  blocks: ["--no-opt"], // what V8 inlines, it does not count
};

exports.prepare = () => {
  const { loadProposals } = require("../../dist/experiments/evaluate.js");
  const sides = {};
  const ratios = {};
  const add = (unit, what, sizes, proposal) => {
    const key = `${unit} ${what} ${proposal}`;
    const measured = () => side("grow", [what, ...sizes, proposal, unit], FLAGS[unit]);
    let counted; // once a run
    sides[key] = unit === "cpu" ? measured : () => (counted ??= measured());
    return (sample) => sample[key].many / sample[key].few;
  };
  for (const [what, sizes] of Object.entries(SIZES)) {
    const [few, many] = sizes;
    for (const [unit, name] of [
      ["cpu", "time"],
      ["blocks", "blocks"],
    ]) {
      const grown = add(unit, what, sizes, "shared");
      const of = (sample) => Math.log(grown(sample)) / Math.log(many / few);
      ratios[`exponent of ${name} by ${what}, ${few} to ${many}`] = { of, bar: LINEAR };
    }
  }
  const eventAt = (unit, name, proposal) => {
    const of = add(unit, "vcpus", VCPUS, proposal);
    ratios[`${name} of an event at 16 vCPUs to 4, ${proposal}`] = { of, bar: LINEAR };
  };
  for (const proposal of QUIET) eventAt("cpu", "time", proposal);
  for (const { name } of loadProposals([])) eventAt("blocks", "blocks", name);
  return { sides, ratios };
};
