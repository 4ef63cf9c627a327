/**
 * Whose each frame of the host is, as runs of frames with one use and one owner.
 *
 * Two zones are given out from below: frames for tables, which have contents (abi/memory.ts), and all others behind them.
 */
import type { Mfn } from "../../abi/frames.js";

/** Uses of frames. */
export const KINDS = [
  "free",
  "low",
  "image",
  "m2p",
  "frametable",
  "xenheap",
  "stack",
  "percpu",
  "vcpu_state",
  "pagetable",
  "ept",
  "domain",
] as const;

/** What a frame is used for. */
export type Kind = (typeof KINDS)[number];

/** Whose a run is: -1 where no domain, vCPU (of kind vcpu_state, or a root) or pCPU (stack, percpu, or a root of no domain) is. */
export interface Owner {
  readonly domid?: number;
  readonly index?: number;
  /** It is of the Xen heap: mapped wherever the Xen heap is. */
  readonly heap?: boolean;
}

export interface Run extends Required<Owner> {
  readonly first: number;
  /** The frame behind it. */
  end: number;
  readonly kind: Kind;
}

interface Zone {
  next: number;
  readonly end: number;
  last: Run | undefined;
}

export class FrameMap {
  /** By first frame, once finish() has been called. */
  readonly runs: Run[] = [];
  private readonly tables: Zone;
  private readonly others: Zone;

  /** Frames `reserved`..nrTables-1 are for tables; below `reserved` is low memory. */
  constructor(
    readonly nrFrames: number,
    nrTables: number,
    reserved: number,
  ) {
    this.tables = { next: reserved, end: nrTables, last: undefined };
    this.others = { next: nrTables, end: nrFrames, last: undefined };
    this.runs.push({ first: 0, end: reserved, kind: "low", domid: -1, index: -1, heap: false });
  }

  /**
   * A frame for a table.
   *
   * Errors: RangeError where the zone is used up: an error of the caller, who chose its size.
   */
  alloc_table(kind: Kind, owner: Owner = {}): Mfn {
    if (this.tables.next >= this.tables.end)
      throw new RangeError(`FrameMap: ${this.tables.end} frames for tables are used up; see tablesOf()`);
    return this.take(this.tables, kind, 1, owner);
  }

  /**
   * `count` frames without contents, the first a multiple of `align`; frames left out for that stay free.
   *
   * Errors: RangeError where the host has no more.
   */
  alloc(kind: Kind, count: number, owner: Owner = {}, align = 1): Mfn {
    const zone = this.others;
    const gap = Math.ceil(zone.next / align) * align - zone.next;
    const missing = zone.next + gap + count - zone.end;
    if (missing > 0)
      throw new RangeError(`the host has ${Math.ceil(missing / 256)} MiB too little memory for this ${kind}`);
    if (gap > 0) this.take(zone, "free", gap, {});
    return this.take(zone, kind, count, owner);
  }

  /** Whatever is left is free; the runs are in order from now on. */
  finish(): void {
    for (const zone of [this.tables, this.others]) this.take(zone, "free", zone.end - zone.next, {});
    this.runs.sort((a, b) => a.first - b.first);
  }

  /** The run that frame `mfn` is in; undefined beyond memory. */
  run_of(mfn: number): Run | undefined {
    let [low, high] = [0, this.runs.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.runs[middle]!.first <= mfn) low = middle;
      else high = middle - 1;
    }
    const run = this.runs[low]!;
    return mfn < run.end ? run : undefined;
  }

  private take(zone: Zone, kind: Kind, count: number, { domid = -1, index = -1, heap = false }: Owner): Mfn {
    const first = zone.next;
    const { last } = zone;
    zone.next += count;
    if (count === 0) return first as Mfn;
    if (last?.kind === kind && last.domid === domid && last.index === index && last.heap === heap)
      last.end = zone.next;
    else {
      zone.last = { first, end: zone.next, kind, domid, index, heap };
      this.runs.push(zone.last);
    }
    return first as Mfn;
  }
}
