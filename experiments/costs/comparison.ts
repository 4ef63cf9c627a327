/**
 * Two pieces of work compared under one profile: how likely one is cheaper, which constants that hangs on, and where it
 * turns.
 */
import type { Bracket, Driver, Firmness } from "../results.js";
import { intervalOf, type PriceDraws } from "./draws.js";
import { CONSTANTS, type Profile } from "./profile.js";
import { boundsOf, NR_TERMS, TERMS, termPrices } from "./terms.js";

/** A difference, with exact bounds, and how firm it is. */
export interface Comparison extends Firmness {
  /** Cycles of the first minus cycles of the second. */
  readonly cycles: Bracket;
}

/** A comparison of work whose coefficients are `a` with work whose are `b`. Shape: each NR_TERMS. */
export function compare(profile: Profile, draws: PriceDraws, a: Float64Array, b: Float64Array): Comparison {
  const times = a.map((n, t) => n - b[t]!);
  const costs = draws.cost(times);
  let cheaper = 0;
  for (let d = 0; d < costs.length; d++) if (costs[d]! < 0) cheaper++;
  return {
    cycles: boundsOf(profile, times),
    interval: intervalOf(costs),
    probabilityCheaper: cheaper / costs.length,
    drivers: driversOf(profile, times),
  };
}

/** Constants that `times` depends on, by how far their bracket moves the sum. */
export function driversOf(profile: Profile, times: Float64Array): Driver[] {
  const likely = termPrices(profile, "likely");
  let total = 0;
  for (let t = 0; t < NR_TERMS; t++) total += times[t]! * likely[t]!;
  const drivers: Driver[] = [];
  for (const constant of CONSTANTS) {
    const t = TERMS.findIndex(({ constants }) => constants.includes(constant));
    const bracket = profile.constants[constant];
    // what the sum changes by when the constant changes by one
    const others = TERMS[t]!.constants.filter((name) => name !== constant);
    const slope = others.reduce((product, name) => product * profile.constants[name].likely, times[t]!);
    if (slope === 0) continue;
    const at = (value: number) => total + slope * (value - bracket.likely);
    const zero = bracket.likely - total / slope;
    drivers.push({
      constant,
      atLow: at(bracket.low),
      atHigh: at(bracket.high),
      turnsAt: zero < 0 ? null : zero,
      within: zero >= bracket.low && zero <= bracket.high,
    });
  }
  const swing = ({ atLow, atHigh }: Driver) => Math.abs(atHigh - atLow);
  return drivers.sort((x, y) => swing(y) - swing(x) || (x.constant < y.constant ? -1 : 1));
}
