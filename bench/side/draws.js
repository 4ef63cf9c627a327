// draws PROPOSALS RECORDINGS: prices so much work at 10,000 draws, and compares it; prints {cpu, comparisons}.
"use strict";

const { compare } = require("../../dist/experiments/costs/comparison.js");
const { PriceDraws } = require("../../dist/experiments/costs/draws.js");
const { readProfile } = require("../../dist/experiments/costs/profile.js");
const { NR_TERMS } = require("../../dist/experiments/costs/terms.js");
const { mulberry32 } = require("../../dist/experiments/synthetic/seed.js");
const { cpuSince } = require("../harness.js");

const [proposals, recordings] = process.argv.slice(2).map(Number);
const random = mulberry32(0);
const profile = readProfile("skylake-pcid");
const began = process.cpuUsage();
const draws = new PriceDraws(profile, 0);
let comparisons = 0;
for (let r = 0; r < recordings; r++) {
  const work = Array.from({ length: proposals }, () =>
    Float64Array.from({ length: NR_TERMS }, () => Math.round(1e5 * random())),
  );
  for (let a = 0; a < proposals; a++) {
    for (let b = 0; b < a; b++, comparisons++) compare(profile, draws, work[a], work[b]);
  }
}
console.log(JSON.stringify({ cpu: cpuSince(began), comparisons }));
