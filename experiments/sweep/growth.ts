/**
 * How the cost grows along a sweep's one axis: the exponent of a power law, fitted.
 *
 * A sweep has one axis if it crosses one parameter and zips none, or zips parameters and crosses none; of zipped ones
 * the first is the axis. The fit is by least squares on the logarithms, over the larger half of the values, where what does
 * not grow has become small.
 */
import type { Journal } from "./journal.js";
import type { Cell, Sweep } from "./spec.js";

export interface Growth {
  readonly workload: string;
  readonly proposal: string;
  readonly profile: string;
  readonly over: string;
  /** Likely cost at each value of the parameter. Units: the profile's, of one second of work. */
  readonly points: readonly { readonly x: number; readonly likely: number }[];
  /** d ln(cost) / d ln(x). */
  readonly exponent: number;
}

/** Fewer points than this are no shape. */
const FEWEST = 4;

/** One row a workload, proposal and profile; none where the sweep has no axis of enough positive numbers. */
export function growthOf({ axis, cells }: Sweep, journal: Journal): Growth[] {
  if (axis === undefined) return [];
  const rows = new Map<string, Cell[]>();
  for (const cell of cells) {
    const key = JSON.stringify([cell.workload, cell.proposal, cell.profile]);
    rows.set(key, [...(rows.get(key) ?? []), cell]);
  }
  return [...rows.values()].flatMap((row): Growth[] => {
    const points = row
      .map((cell) => ({ x: Number(cell.parameters[axis]), likely: journal.get(cell.key)!.cycles.likely }))
      .filter(({ x, likely }) => x > 0 && likely > 0)
      .sort((a, b) => a.x - b.x);
    const { workload, proposal, profile } = row[0]!;
    if (points.length < FEWEST) return [];
    return [{ workload, proposal, profile, over: axis, points, exponent: slope(points) }];
  });
}

function slope(points: Growth["points"]): number {
  const upper = points.slice(Math.floor(points.length / 2));
  const [xs, ys] = [upper.map(({ x }) => Math.log(x)), upper.map(({ likely }) => Math.log(likely))];
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x0, y0] = [mean(xs), mean(ys)];
  const covariance = xs.reduce((sum, x, i) => sum + (x - x0) * (ys[i]! - y0), 0);
  return covariance / xs.reduce((sum, x) => sum + (x - x0) ** 2, 0);
}
