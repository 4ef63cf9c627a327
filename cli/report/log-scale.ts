/** An axis for positive numbers alone: equal factors are equally long. */
import type { Scale } from "./scale.js";

/** An axis from the least to the most of `values`; its marks are powers of ten, or 1, 2 and 5 times these. */
export function logScale(values: readonly number[]): Scale {
  const low = Math.log10(Math.min(...values));
  const high = Math.max(Math.log10(Math.max(...values)), low + 0.1);
  const few = high - low < 2.5;
  const every = few ? 1 : Math.ceil((high - low) / 6);
  const ticks: number[] = [];
  for (let decade = Math.floor(low); decade <= high; decade++) {
    if (decade % every !== 0) continue;
    for (const n of few ? [1, 2, 5] : [1]) ticks.push(n * 10 ** decade);
  }
  const [first, last] = few ? [below(ticks, low), above(ticks, high)] : [low, high];
  const inside = ticks.filter((tick) => tick >= 10 ** first / 1.001 && tick <= 10 ** last * 1.001);
  return {
    kind: "logarithmic",
    ticks: inside,
    at: (value) => (Math.log10(value) - first) / (last - first),
  };
}

/** The mark at or below `low`, and that at or above `high`: both ends are on a mark where there are many. */
function below(ticks: readonly number[], low: number): number {
  return Math.log10(ticks.filter((tick) => Math.log10(tick) <= low + 1e-9).at(-1) ?? 10 ** low);
}

function above(ticks: readonly number[], high: number): number {
  return Math.log10(ticks.find((tick) => Math.log10(tick) >= high - 1e-9) ?? 10 ** high);
}
