// How cost grows with what it should grow with in proportion, and with the vCPUs, with which an event's should not grow.
//
// Each twice: by CPU time, and by the blocks of code that run, which V8 counts exactly (bench/side/blocks.js). Time grows with
// the caches' misses too: the tables of 16 vCPUs take more room than those of 4, on any machine, and that is no
// algorithm's doing; so where the time is over its bar and the blocks are not, it is that, or the machine had other work.
//
// events: parts of redis_bench. threads: so many in one process. boot: of a machine with so many vCPUs. slots: so often a
// top-level slot is mapped, touched and unmapped. vCPUs: what an event of system calls and switches between threads costs at 16
// to what it costs at 4, as the slope between two numbers of events: what a run costs whatever happens in it, its boot and the
// collection of its counts above all, cancels out. Designs that tell other vCPUs of a slot do not of these; nor does any other.
"use strict";

const { side } = require("../harness.js");

const SIZES = {
  events: { cpu: [60_000, 240_000], blocks: [60_000, 240_000] },
  threads: { cpu: [2000, 8000], blocks: [2000, 8000] },
  boot: { cpu: [64, 256], blocks: [64, 256] },
  slots: { cpu: [20_000, 80_000], blocks: [2000, 8000] },
};
const VCPUS = [4, 16];
/** By time; by blocks it is all of them. */
const QUIET = ["shared", "xen-vcpu-root", "linux-per-thread-unlazy"];
const LINEAR = { atMost: 1.05 };
const COUNTED = ["--no-opt"]; // what V8 inlines, it does not count

exports.prepare = () => {
  const { loadProposals } = require("../../dist/experiments/evaluate.js");
  const sides = {};
  const ratios = {};
  const add = (unit, what, size, proposal) => {
    const key = `${unit} ${what} ${size} ${proposal}`;
    let counted; // once a run
    sides[key] =
      unit === "cpu"
        ? () => side("grow", [what, size, proposal]).cpu
        : () => (counted ??= side("grow", [what, size, proposal, "blocks"], COUNTED).blocks);
    return key;
  };
  for (const [what, sizes] of Object.entries(SIZES)) {
    for (const [unit, name] of [
      ["cpu", "time"],
      ["blocks", "blocks"],
    ]) {
      const [from, to] = sizes[unit];
      const [few, many] = [from, to].map((size) => add(unit, what, size, "shared"));
      const of = (s) => Math.log(s[many] / s[few]) / Math.log(to / from);
      ratios[`exponent of ${name} by ${what}, ${from} to ${to}`] = { of, bar: LINEAR };
    }
  }
  const eventAt = (unit, name, proposal) => {
    const [few, many] = VCPUS.map((vcpus) => add(unit, "vcpus", vcpus, proposal));
    ratios[`${name} of an event at 16 vCPUs to 4, ${proposal}`] = {
      of: (s) => s[many] / s[few],
      bar: LINEAR,
    };
  };
  for (const proposal of QUIET) eventAt("cpu", "time", proposal);
  for (const { name } of loadProposals([])) eventAt("blocks", "blocks", name);
  return { sides, ratios };
};
