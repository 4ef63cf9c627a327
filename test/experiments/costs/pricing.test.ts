import { expect } from "chai";
import * as fc from "fast-check";
import { compare, driversOf } from "../../../experiments/costs/comparison.js";
import { DRAWS, intervalOf, PriceDraws } from "../../../experiments/costs/draws.js";
import { CONSTANTS, type Profile, readProfile } from "../../../experiments/costs/profile.js";
import { boundsOf, NR_TERMS, TERMS, termPrices } from "../../../experiments/costs/terms.js";
import { mulberry32 } from "../../../experiments/synthetic/seed.js";

const profile = readProfile("skylake-pcid");
const draws = new PriceDraws(profile, 0);

const coefficients = fc
  .array(fc.integer({ min: -1e6, max: 1e6 }), { minLength: NR_TERMS, maxLength: NR_TERMS })
  .map((n) => Float64Array.from(n));

/** The profile with one constant at one value. */
function at(constant: (typeof CONSTANTS)[number], value: number): Profile {
  const { unit, source, conditions } = profile.constants[constant];
  const one = { low: value, likely: value, high: value, unit, source, conditions };
  return { ...profile, constants: { ...profile.constants, [constant]: one } };
}

/** The sum at the likely prices. */
function likely(p: Profile, times: Float64Array): number {
  return termPrices(p, "likely").reduce((sum, price, t) => sum + times[t]! * price, 0);
}

describe("pricing by draws", () => {
  it("has no draw outside the exact bounds, whatever the work", () => {
    fc.assert(
      fc.property(coefficients, (times) => {
        const { low, high } = boundsOf(profile, times);
        const slack = 1e-9 * (Math.abs(low) + Math.abs(high));
        const costs = draws.cost(times);
        return costs.every((cost) => cost >= low - slack && cost <= high + slack);
      }),
      { numRuns: 50 },
    );
  });

  it("has its exact bounds at corners of the constants' brackets, whatever the work", () => {
    const corner = (times: Float64Array, end: "low" | "high"): number => {
      const cheap = end === "low";
      let p = profile;
      for (const name of CONSTANTS) {
        const t = TERMS.findIndex(({ constants }) => constants.includes(name));
        const bracket = profile.constants[name];
        const value = times[t]! > 0 === cheap ? bracket.low : bracket.high;
        p = { ...p, constants: { ...p.constants, [name]: { ...bracket, likely: value } } };
      }
      return likely(p, times);
    };
    fc.assert(
      fc.property(coefficients, (times) => {
        const { low, high } = boundsOf(profile, times);
        expect(low).to.be.closeTo(corner(times, "low"), 1e-6 * Math.abs(low) + 1e-6);
        expect(high).to.be.closeTo(corner(times, "high"), 1e-6 * Math.abs(high) + 1e-6);
      }),
      { numRuns: 50 },
    );
  });

  it("gives the same draws for a seed, others for another, and a constant's own whatever else there is", () => {
    expect(new PriceDraws(profile, 0).prices).to.deep.equal(draws.prices);
    expect(new PriceDraws(profile, 1).prices).to.not.deep.equal(draws.prices);
    const lfence = TERMS.findIndex(({ key }) => key === "lfence");
    const other = new PriceDraws(at("cr3_write", 7), 0);
    const column = (d: PriceDraws) => d.prices[lfence]!;
    expect(column(other)).to.deep.equal(column(draws));
  });

  it("takes over draws of constants that are alike, and no others", () => {
    const changed = at("cr3_write", 7);
    const anew = new PriceDraws(changed, 0).prices;
    expect(new PriceDraws(changed, 0, DRAWS, draws).prices).to.deep.equal(anew);
    expect(new PriceDraws(changed, 0, DRAWS, new PriceDraws(profile, 1)).prices).to.deep.equal(anew);
    const apart = { ...profile, correlated: [] };
    expect(new PriceDraws(apart, 0, DRAWS, draws).prices).to.deep.equal(new PriceDraws(apart, 0).prices);
  });

  it("moves correlated constants together, and others apart", () => {
    const column = (key: string) => {
      const t = TERMS.findIndex((term) => term.key === key);
      return draws.prices[t]!;
    };
    const rank = (a: Float64Array, b: Float64Array): number => {
      let same = 0;
      for (let d = 1; d < DRAWS; d++) if (a[d]! > a[d - 1]! === b[d]! > b[d - 1]!) same++;
      return same / (DRAWS - 1);
    };
    expect(rank(column("cr3_write"), column("invpcid_one"))).to.equal(1);
    expect(rank(column("cr3_write"), column("copy"))).to.be.within(0.4, 0.6);
  });

  it("has its draws around likely: the mean of a triangle is a third of its three corners", () => {
    const t = TERMS.findIndex(({ key }) => key === "ipi");
    const column = draws.prices[t]!;
    const mean = column.reduce((sum, price) => sum + price, 0) / DRAWS;
    const { low, likely: peak, high } = profile.constants.ipi;
    expect(mean).to.be.closeTo((low + peak + high) / 3, 20);
  });

  it("has the percentiles that sorted draws have", () => {
    const costs = fc.array(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ noNaN: true })), {
      minLength: 1,
      maxLength: 300,
    });
    fc.assert(
      fc.property(costs, (list) => {
        const sorted = Float64Array.from(list).sort();
        const at = (q: number) => sorted[Math.floor(q * list.length)];
        const { p5, p50, p95 } = intervalOf(Float64Array.from(list));
        expect([p5 + 0, p50 + 0, p95 + 0]).to.deep.equal([at(0.05)! + 0, at(0.5)! + 0, at(0.95)! + 0]);
      }),
      { numRuns: 300 },
    );
  });

  it("prices 10 proposals on 5 workloads in 10,000 draws, each against each, in under 2 s of CPU time", () => {
    const random = mulberry32(5);
    const began = process.cpuUsage();
    const fresh = new PriceDraws(profile, 3);
    for (let workload = 0; workload < 5; workload++) {
      const work = Array.from({ length: 10 }, () =>
        Float64Array.from({ length: NR_TERMS }, () => random() * 1e6),
      );
      work.forEach((a, i) => work.slice(0, i).forEach((b) => compare(profile, fresh, a, b)));
    }
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1e6).to.be.below(2);
  });
});

describe("a comparison", () => {
  const none = new Float64Array(NR_TERMS);
  const of = (terms: Record<string, number>): Float64Array =>
    Float64Array.from(TERMS, ({ key }) => terms[key] ?? 0);

  it("is never cheaper than itself, and always cheaper than the same with something more", () => {
    const times = of({ plain: 1000, cr3_write: 6 });
    expect(compare(profile, draws, times, times).probabilityCheaper).to.equal(0);
    expect(compare(profile, draws, times, of({ plain: 1000, cr3_write: 7 })).probabilityCheaper).to.equal(1);
  });

  it("says of A and B what it denies of B and A", () => {
    const a = of({ copy: 2 });
    const b = of({ cr3_write: 3 });
    const [ab, ba] = [compare(profile, draws, a, b), compare(profile, draws, b, a)];
    expect(ab.probabilityCheaper + ba.probabilityCheaper).to.equal(1);
    expect(ab.probabilityCheaper).to.be.within(0.05, 0.95);
    expect(ab.cycles.low).to.equal(-ba.cycles.high);
  });

  it("names the value at which the verdict turns: with the constant there, the difference is zero", () => {
    fc.assert(
      fc.property(coefficients, (times) => {
        for (const { constant, turnsAt } of driversOf(profile, times)) {
          if (turnsAt === null) continue;
          const scale = times.reduce((sum, n) => sum + Math.abs(n), 0) * 1e4;
          expect(likely(at(constant, turnsAt), times)).to.be.closeTo(0, 1e-9 * scale);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("ranks the constants by how far their brackets move it, and leaves out those that do not", () => {
    const drivers = driversOf(profile, of({ ipi: 1, lfence: 1, copy: -1 }));
    expect(drivers.map(({ constant }) => constant)).to.deep.equal(["ipi", "l4_copy", "lfence"]);
    expect(compare(profile, draws, none, none).drivers).to.deep.equal([]);
  });
});
