/**
 * Where, over two prices, the cheaper of two proposals changes: the two constants that their difference hangs on most, each
 * over its bracket, all others likely.
 */
import type { EventCounts } from "../../abi/ledger.js";
import { driversOf } from "./comparison.js";
import type { ConstantName, Profile } from "./profile.js";
import { coefficientsOf, termPrices } from "./terms.js";

export interface PriceMap {
  readonly x: ConstantName;
  readonly y: ConstantName;
  readonly xs: readonly number[];
  readonly ys: readonly number[];
  /** Cost of the first less that of the second. Shape: [ys][xs]. */
  readonly difference: readonly (readonly number[])[];
}

/** The map of `columns` by `rows` points; undefined where fewer than two prices with a bracket matter. */
export function priceMap(
  profile: Profile,
  a: EventCounts,
  b: EventCounts,
  columns: number,
  rows: number,
): PriceMap | undefined {
  const less = coefficientsOf(profile, b);
  const times = coefficientsOf(profile, a).map((n, t) => n - less[t]!);
  const [x, y] = driversOf(profile, times)
    .filter(({ atLow, atHigh }) => atLow !== atHigh)
    .map(({ constant }) => constant);
  if (x === undefined || y === undefined) return undefined;
  const spread = (name: ConstantName, n: number): number[] => {
    const { low, high } = profile.constants[name];
    return Array.from({ length: n }, (_, i) => low + ((high - low) * i) / (n - 1));
  };
  const xs = spread(x, columns);
  const ys = spread(y, rows);
  const at = (xValue: number, yValue: number): number => {
    const { constants } = profile;
    const set = { ...constants[x], likely: xValue };
    const prices = termPrices(
      { ...profile, constants: { ...constants, [x]: set, [y]: { ...constants[y], likely: yValue } } },
      "likely",
    );
    return times.reduce((sum, n, t) => sum + n * prices[t]!, 0);
  };
  return { x, y, xs, ys, difference: ys.map((yValue) => xs.map((xValue) => at(xValue, yValue))) };
}
