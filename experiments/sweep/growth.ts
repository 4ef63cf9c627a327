/**
 * How the cost grows along a sweep's one axis: the exponent of a power law, fitted.
 *
 * A sweep has one axis if it crosses one parameter and zips none, or zips parameters and crosses none; of zipped ones
 * the first is the axis. The fit is by least squares on the logarithms, over the larger half of the values, where what does
 * not grow has become small. What it is that grows is said by the dearest event at the last value.
 */
import { EVENT_NAMES, type EventName } from "../../abi/events.js";
import { priceOf } from "../costs/price.js";
import type { Cell, Sweep } from "./group.js";
import type { Journal } from "./journal.js";

export interface Growth {
  readonly workload: string;
  readonly proposal: string;
  readonly profile: string;
  readonly over: string;
  /** Likely cost of a second of work at each value of the parameter. Units: `unit`, the profile's. */
  readonly points: readonly Point[];
  readonly unit: string;
  /** d ln(cost) / d ln(x). */
  readonly exponent: number;
  /** The event that costs most at the last value: its part of the cost there, and its own exponent. */
  readonly most: { readonly event: EventName; readonly share: number; readonly exponent: number };
}

interface Point {
  readonly x: number;
  readonly likely: number;
}

/** Fewer points than this are no shape. */
const FEWEST = 4;

/**
 * One row a workload, proposal and profile: for work by rates, which alone has parameters that grow. None where the sweep
 * has no axis of enough positive numbers.
 */
export function growthOf({ axis, groups }: Sweep, journal: Journal): Growth[] {
  if (axis === undefined || axis.startsWith("constants.")) return [];
  const rows = new Map<string, Cell[]>();
  for (const cell of groups.flatMap(({ work, cells }) => ("synthetic" in work ? cells : []))) {
    const key = JSON.stringify([cell.workload, cell.proposal, cell.profile]);
    rows.set(key, [...(rows.get(key) ?? []), cell]);
  }
  return [...rows.values()].flatMap((row): Growth[] => {
    const x = (cell: Cell) => Number(cell.parameters[axis]);
    const of = (cell: Cell) => journal.get(cell.key)!;
    const grown = row.filter((cell) => x(cell) > 0 && of(cell).cycles.likely > 0).sort((a, b) => x(a) - x(b));
    if (grown.length < FEWEST) return [];
    const { workload, proposal, profile, priced } = grown[0]!;
    const points = grown.map((cell) => ({ x: x(cell), likely: of(cell).cycles.likely }));
    const cost = (cell: Cell, event: EventName) => {
      const count = of(cell).counts[event] ?? 0;
      return count === 0 ? 0 : count * (priceOf(cell.priced, event)?.likely ?? 0);
    };
    const last = EVENT_NAMES.map((event) => cost(grown.at(-1)!, event));
    const dearest = Math.max(...last);
    const event = EVENT_NAMES[last.indexOf(dearest)]!;
    const costs = grown.map((cell) => ({ x: x(cell), likely: cost(cell, event) }));
    const most = { event, share: dearest / points.at(-1)!.likely, exponent: slope(costs) };
    const { unit } = priced;
    return [{ workload, proposal, profile, over: axis, points, unit, exponent: slope(points), most }];
  });
}

/** Of the larger half; a point of no cost is no part of a power law. */
function slope(points: readonly Point[]): number {
  const upper = points.slice(Math.floor(points.length / 2)).filter(({ likely }) => likely > 0);
  const [xs, ys] = [upper.map(({ x }) => Math.log(x)), upper.map(({ likely }) => Math.log(likely))];
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x0, y0] = [mean(xs), mean(ys)];
  const covariance = xs.reduce((sum, x, i) => sum + (x - x0) * (ys[i]! - y0), 0);
  const spread = xs.reduce((sum, x) => sum + (x - x0) ** 2, 0);
  return spread === 0 ? 0 : covariance / spread;
}
