/**
 * Where the cheaper one of two proposals changes, as one parameter of work by rates grows: by bisection, with the
 * interval that the brackets of the prices leave.
 *
 * Differs: a change and its return between two neighbouring points of the first look are not seen.
 */
import type { Proposal } from "../abi/proposal.js";
import { compare } from "./costs/comparison.js";
import { PriceDraws } from "./costs/draws.js";
import type { Profile } from "./costs/profile.js";
import { coefficientsOf } from "./costs/terms.js";
import { type RatedWork, runRates } from "./synthetic/rates.js";

/** Parameters that are numbers, which a crossover may be looked for in. */
export type Axis = Exclude<keyof RatedWork, "placement">;

/** The difference, a's cost less b's, at one value of the parameter; cycles a second. */
export interface Point {
  readonly x: number;
  readonly likely: number;
  /** 5th and 95th percentile of the draws. */
  readonly p5: number;
  readonly p95: number;
  readonly probabilityCheaper: number;
}

export interface Crossover {
  readonly a: string;
  readonly b: string;
  readonly over: Axis;
  /** The first look: evenly spaced. */
  readonly points: Point[];
  /** Where the likely difference changes its sign; null: it does not, between the ends. */
  readonly at: number | null;
  /** Where nine of ten draws agree on one side, and on the other; null beyond the ends. */
  readonly from: number | null;
  readonly to: number | null;
}

export interface CrossoverOptions {
  readonly a: Proposal;
  readonly b: Proposal;
  readonly over: Axis;
  readonly low: number;
  readonly high: number;
  /** The other parameters. */
  readonly work: RatedWork;
  readonly profile: Profile;
  readonly seed: number;
}

const FIRST_LOOK = 9;
/** Bisection ends at this part of the range. */
const PRECISION = 1 / 256;
const WHOLE: readonly Axis[] = ["threads", "vcpus"];

export function findCrossover(options: CrossoverOptions): Crossover {
  const { a, b, over, low, high } = options;
  const at = pointsAlong(options);
  const grid = Array.from({ length: FIRST_LOOK }, (_, i) => low + ((high - low) * i) / (FIRST_LOOK - 1));
  const points = [...new Map(grid.map(at).map((point) => [point.x, point])).values()];
  const where = (value: (point: Point) => number): number | null => {
    const i = points.findIndex((point, j) => j > 0 && value(point) > 0 !== value(points[j - 1]!) > 0);
    return i < 0
      ? null
      : bisect(points[i - 1]!.x, points[i]!.x, (x) => value(at(x)), PRECISION * (high - low));
  };
  const ends = [where(({ p5 }) => p5), where(({ p95 }) => p95)];
  const [first, last] = ends.includes(null) ? ends : [...ends].sort((x, y) => x! - y!);
  return { a: a.name, b: b.name, over, points, at: where(({ likely }) => likely), from: first!, to: last! };
}

/** The difference at any value; each is run once. */
function pointsAlong({ a, b, over, work, profile, seed }: CrossoverOptions): (x: number) => Point {
  const known = new Map<number, Point>();
  const draws = new PriceDraws(profile, seed);
  return (wanted) => {
    const x = WHOLE.includes(over) ? Math.round(wanted) : wanted;
    const [mine, its] = [a, b].map((proposal) => {
      if (known.has(x)) return new Float64Array();
      return coefficientsOf(
        profile,
        runRates({ ...work, [over]: x }, proposal, profile.machine, seed).counts,
      );
    });
    if (!known.has(x)) {
      const { cycles, interval, probabilityCheaper } = compare(profile, draws, mine!, its!);
      known.set(x, { x, likely: cycles.likely, p5: interval.p5, p95: interval.p95, probabilityCheaper });
    }
    return known.get(x)!;
  };
}

/** Where `f` changes its sign between `low` and `high`, which it does, to within `precision`. */
export function bisect(low: number, high: number, f: (x: number) => number, precision: number): number {
  const positive = f(low) > 0;
  while (high - low > precision) {
    const middle = (low + high) / 2;
    if (f(middle) > 0 === positive) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
