/**
 * Sets of frames as ranges, so that a directmap of a terabyte is one.
 *
 * Shape: first, end, first, end, ...: in order, disjoint, and none touching the next.
 */
export type Ranges = readonly number[];

/** Collects frames in any order; fast where most come in order. */
export class RangeSet {
  private readonly at: number[] = [];
  private sorted = true;

  /** Add frames `first`..end-1. */
  add(first: number, end: number): void {
    const { at } = this;
    const last = at.length - 1;
    if (last > 0 && first <= at[last]! && first >= at[last - 1]!) {
      if (end > at[last]!) at[last] = end;
      return;
    }
    if (last > 0 && first < at[last]!) this.sorted = false;
    at.push(first, end);
  }

  addAll(ranges: Ranges): void {
    for (let i = 0; i < ranges.length; i += 2) this.add(ranges[i]!, ranges[i + 1]!);
  }

  /** The set, in its form. */
  ranges(): Ranges {
    if (this.sorted) return this.at;
    const pairs: [number, number][] = [];
    for (let i = 0; i < this.at.length; i += 2) pairs.push([this.at[i]!, this.at[i + 1]!]);
    pairs.sort(([a], [b]) => a - b);
    const merged: number[] = [];
    for (const [first, end] of pairs) {
      const last = merged.length - 1;
      if (last > 0 && first <= merged[last]!) merged[last] = Math.max(merged[last]!, end);
      else merged.push(first, end);
    }
    return merged;
  }
}

/** Frames of both sets. */
export function union(sets: readonly Ranges[]): Ranges {
  const all = new RangeSet();
  for (const set of sets) all.addAll(set);
  return all.ranges();
}

/** Frames in the set. */
export function count(ranges: Ranges): number {
  let frames = 0;
  for (let i = 0; i < ranges.length; i += 2) frames += ranges[i + 1]! - ranges[i]!;
  return frames;
}
