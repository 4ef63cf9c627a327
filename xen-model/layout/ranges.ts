/**
 * Sets of frames as ranges, so that a directmap of a terabyte is one.
 *
 * Shape: first, end, first, end, ...: in order, disjoint, and none touching the next.
 */
export type Ranges = readonly number[];

/** Collects frames in any order; what comes in order stays in one list, and the lists are merged in the end. */
export class RangeSet {
  private readonly lists: number[][] = [];

  /** Add frames `first`..end-1. */
  add(first: number, end: number): void {
    const list = this.lists.at(-1);
    const last = list === undefined ? -1 : list.length - 1;
    if (list === undefined || first < list[last - 1]!) this.lists.push([first, end]);
    else if (first > list[last]!) list.push(first, end);
    else if (end > list[last]!) list[last] = end;
  }

  addAll(ranges: Ranges): void {
    for (let i = 0; i < ranges.length; i += 2) this.add(ranges[i]!, ranges[i + 1]!);
  }

  /** The set, in its form. */
  ranges(): Ranges {
    let { lists } = this;
    while (lists.length > 1) {
      const half: number[][] = [];
      for (let i = 0; i < lists.length; i += 2) half.push(merge(lists[i]!, lists[i + 1] ?? []));
      lists = half;
    }
    return lists[0] ?? [];
  }
}

function merge(a: number[], b: number[]): number[] {
  const merged: number[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    const fromA = j >= b.length || (i < a.length && a[i]! <= b[j]!);
    const [first, end] = fromA ? [a[i]!, a[i + 1]!] : [b[j]!, b[j + 1]!];
    if (fromA) i += 2;
    else j += 2;
    const last = merged.length - 1;
    if (last < 0 || first > merged[last]!) merged.push(first, end);
    else if (end > merged[last]!) merged[last] = end;
  }
  return merged;
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
