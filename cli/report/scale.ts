/**
 * Axes: where a value lies between 0 and 1, and which values are marked.
 *
 * Zero is always on the axis. Where the values span so much that the small ones would be lost, the axis is
 * logarithmic on both sides of zero, and says so.
 */

export interface Scale {
  readonly kind: "linear" | "logarithmic";
  readonly ticks: readonly number[];
  /** 0 at the left end, 1 at the right. */
  at(value: number): number;
}

/** Ratio of the largest to the smallest estimate from which on a linear axis hides the small one. */
const TOO_WIDE = 40;

/** An axis over `values` and zero. `marks` are the estimates that have to be told apart. */
export function scaleFor(values: readonly number[], marks: readonly number[]): Scale {
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values);
  if (high - low < 1e-9) return { kind: "linear", ticks: [0], at: () => 0 };
  const sizes = marks.map(Math.abs).filter((size) => size > 0);
  const smallest = Math.min(...sizes);
  const largest = Math.max(...sizes);
  return largest / smallest > TOO_WIDE ? logarithmic(low, high, smallest) : linear(low, high);
}

/** An axis in even steps, its ends on a mark. */
export function linear(low: number, high: number): Scale {
  const step = niceStep((high - low) / 4);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  const ticks: number[] = [];
  for (let i = first; i <= last; i++) ticks.push(i * step);
  const start = first * step;
  const length = (last - first) * step;
  return { kind: "linear", ticks, at: (value) => (value - start) / length };
}

/** 1, 2 or 5 times a power of ten, not below `size`. */
function niceStep(size: number): number {
  const power = 10 ** Math.floor(Math.log10(size));
  return power * [1, 2, 5, 10].find((n) => n * power >= size * (1 - 1e-9))!;
}

/** Decades on both sides of zero; within one decade below `smallest`, the axis runs to zero evenly. */
function logarithmic(low: number, high: number, smallest: number): Scale {
  const most = Math.max(-low, high);
  const unit = 10 ** Math.floor(Math.log10(Math.max(smallest, most / 1e5)) + 1e-9);
  const bend = (value: number) => Math.sign(value) * Math.log10(1 + (9 * Math.abs(value)) / (10 * unit));
  const decades = Math.ceil(Math.log10(most / unit));
  const every = Math.ceil((decades + 1) / (low < 0 && high > 0 ? 3 : 5));
  const ticks = [0];
  for (let decade = decades; decade >= 0; decade -= every) {
    const value = unit * 10 ** decade;
    if (value <= high * 1.0001) ticks.push(value);
    if (value <= -low * 1.0001) ticks.unshift(-value);
  }
  ticks.sort((a, b) => a - b);
  const start = bend(low);
  const length = bend(high) - start;
  return { kind: "logarithmic", ticks, at: (value) => (bend(value) - start) / length };
}

/**
 * An axis from zero for amounts of bytes, its marks powers of two; logarithmic where the amounts span so much that the
 * small ones would be lost.
 */
export function bytesScale(amounts: readonly number[]): Scale {
  const sizes = amounts.filter((size) => size > 0);
  if (sizes.length === 0) return { kind: "linear", ticks: [0], at: () => 0 };
  const [smallest, high] = [Math.min(...sizes), Math.max(...sizes)];
  if (high / smallest <= TOO_WIDE) return binary(high);
  const unit = 2 ** Math.floor(Math.log2(Math.max(smallest, high / 2 ** 20)));
  const bend = (value: number) => Math.log2(1 + value / unit); // below `unit` it runs to zero nearly evenly
  const ticks = [0];
  for (let at = 0; 2 ** at <= high; at += 5) if (2 ** at >= 2 * unit) ticks.push(2 ** at);
  return { kind: "logarithmic", ticks, at: (value) => bend(value) / bend(high) };
}

/** An axis from zero for bytes: its marks are round in powers of two. */
export function binary(high: number): Scale {
  const power = 2 ** Math.floor(Math.log2(high / 4));
  const step = power * (high / power / 4 > 1 ? 2 : 1);
  const last = Math.ceil(high / step);
  const ticks = Array.from({ length: last + 1 }, (_, i) => i * step);
  return { kind: "linear", ticks, at: (value) => value / (last * step) };
}
