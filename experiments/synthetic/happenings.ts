/**
 * When what happens in work by rates (rates.ts): each kind of event on each vCPU at even distances, from a phase drawn for it.
 *
 * They are made a window of time at a time, so that an event costs the same however many there are, and on however many vCPUs:
 * a window has some for each series, and its columns stay in the cache.
 */
import { numbered } from "../../abi/numbered.js";
import { mulberry32 } from "./seed.js";

/** Events a second on each vCPU, and the part of the time that it idles, in turns of 10 ms. */
export interface Rates {
  readonly vcpus: number;
  readonly sameMmSwitches: number;
  readonly otherMmSwitches: number;
  readonly syscalls: number;
  /** A page mapped in a slot of its own, touched, and unmapped again. */
  readonly slotChurn: number;
  /** A child forked, which exits at once. */
  readonly forks: number;
  readonly idle: number;
}

const WORK = ["sameMmSwitches", "otherMmSwitches", "syscalls", "slotChurn", "forks"] as const;

/** What happens; at one moment of one vCPU, it wakes before it works, and works before it idles. */
export const HAPPENINGS = ["wake", ...WORK, "idle"] as const;

/** The number of each. */
export const HAPPENING = numbered(HAPPENINGS);

const TURN = 0.01;
/** Of a window: at the least, and for each series. */
const WINDOW = 1024;
const WINDOW_OF_SERIES = 8;
/** Of a bucket, about; more than SEVERAL are sorted as a whole. */
const BUCKET = 4;
const SEVERAL = 32;

/** So many turns that `events` happen, unless a second has fewer; in seconds. */
export function duration(rates: Rates, events: number): number {
  const perSecond = rates.vcpus * WORK.reduce((sum, kind) => sum + rates[kind], 0);
  return Math.ceil(Math.min(1, events / Math.max(1, perSecond)) / TURN) * TURN;
}

/** Who is told of what happens. */
export interface Stage {
  /** `what`: HAPPENING.* */
  happen(vcpu: number, what: number): void;
}

/** Tell `stage` of all that happens in so many seconds: by time, then vCPU, then kind. */
export function forEachHappening(rates: Rates, seed: number, seconds: number, stage: Stage): void {
  const all = allSeries(rates, seed, seconds);
  const total = all.reduce((sum, series) => sum + series.n, 0);
  const windows = Math.ceil(total / Math.max(WINDOW, WINDOW_OF_SERIES * all.length));
  const window = new Window();
  for (let w = 1; w <= windows; w++) {
    const end = w === windows ? Infinity : (seconds * w) / windows;
    window.clear();
    for (const series of all) {
      for (; series.next < end; series.advance()) window.add(series.next, series.vcpu, series.what);
    }
    window.sort();
    const { n, vcpu, what } = window.sorted;
    for (let i = 0; i < n; i++) stage.happen(vcpu[i]!, what[i]!);
  }
}

/** In the order in which they come at one moment. */
function allSeries(rates: Rates, seed: number, seconds: number): Series[] {
  const random = mulberry32(seed);
  const active = TURN * (1 - rates.idle);
  const turns = rates.idle > 0 ? Math.round(seconds / TURN) : 0;
  const all: Series[] = [];
  for (let vcpu = 0; vcpu < rates.vcpus; vcpu++) {
    const work = WORK.map((kind) => {
      const rate = rates[kind];
      const phase = random();
      return new Series(vcpu, HAPPENING[kind], Math.floor(rate * seconds + phase), (i) => {
        const busy = ((i + phase) / rate) * (1 - rates.idle); // time of its own, idling left out
        const turn = Math.floor(busy / active);
        return turn * TURN + (TURN - active) + (busy - turn * active);
      });
    });
    const wake = new Series(vcpu, HAPPENING.wake, turns, (turn) => turn * TURN + (TURN - active));
    const idle = new Series(vcpu, HAPPENING.idle, turns, (turn) => turn * TURN);
    all.push(...[wake, ...work, idle].filter(({ n }) => n > 0));
  }
  return all;
}

/** One kind of event on one vCPU: `n` of them, at times that only grow. */
class Series {
  /** Time of the next; Infinity behind the last. */
  next: number;
  private i = 0;

  constructor(
    readonly vcpu: number,
    readonly what: number,
    readonly n: number,
    private readonly at: (i: number) => number,
  ) {
    this.next = n > 0 ? at(0) : Infinity;
  }

  advance(): void {
    this.i++;
    this.next = this.i < this.n ? this.at(this.i) : Infinity;
  }
}

/** Happenings of a window: as they were added; by time, and those of one moment as they were added, once sorted. */
class Window {
  private added = new Happenings(2 * WINDOW);
  sorted = new Happenings(2 * WINDOW);
  /** Of each that was added, and where each bucket begins. */
  private bucket = new Uint32Array(2 * WINDOW);
  private start = new Uint32Array(2 * WINDOW + 1);
  private first = Infinity;
  private last = -Infinity;

  clear(): void {
    this.added.n = 0;
    this.first = Infinity;
    this.last = -Infinity;
  }

  add(at: number, vcpu: number, what: number): void {
    const { added } = this;
    if (added.n === added.at.length) this.grow();
    if (at < this.first) this.first = at;
    if (at > this.last) this.last = at;
    this.added.set(this.added.n++, at, vcpu, what);
  }

  private grow(): void {
    const { added } = this;
    const rows = 2 * added.at.length;
    this.added = new Happenings(rows);
    this.added.copy(added);
    this.sorted = new Happenings(rows);
    this.bucket = new Uint32Array(rows);
    this.start = new Uint32Array(rows + 1);
  }

  /** Into buckets by time, and then each past what is later in front of it, which is little. */
  sort(): void {
    const { added, sorted, bucket, start, first } = this;
    const { n, at } = added;
    const buckets = Math.ceil(n / BUCKET);
    const scale = this.last > first ? buckets / (this.last - first) : 0;
    start.fill(0, 0, buckets + 1);
    for (let i = 0; i < n; i++) {
      const b = Math.min(buckets - 1, ((at[i]! - first) * scale) | 0);
      bucket[i] = b;
      start[b + 1]!++;
    }
    for (let b = 1; b <= buckets; b++) start[b]! += start[b - 1]!;
    sorted.n = n;
    for (let i = 0; i < n; i++) sorted.take(start[bucket[i]!]!++, added, i);
    // start[b] is where bucket b ends now
    for (let b = 0, from = 0; b < buckets; from = start[b++]!) {
      if (start[b]! - from > SEVERAL) sorted.sortMany(from, start[b]!);
    }
    sorted.insert();
  }
}

/**
 * Happenings in some order.
 *
 * Shape: n     rows in use
 *        at    Float64Array  when, in seconds
 *        vcpu  Uint16Array   on which vCPU
 *        what  Uint8Array    HAPPENING.*
 */
class Happenings {
  n = 0;
  readonly at: Float64Array;
  readonly vcpu: Uint16Array;
  readonly what: Uint8Array;

  constructor(rows: number) {
    this.at = new Float64Array(rows);
    this.vcpu = new Uint16Array(rows);
    this.what = new Uint8Array(rows);
  }

  set(row: number, at: number, vcpu: number, what: number): void {
    this.at[row] = at;
    this.vcpu[row] = vcpu;
    this.what[row] = what;
  }

  /** Row `from` of `others` becomes row `to` here. */
  take(to: number, others: Happenings, from: number): void {
    this.set(to, others.at[from]!, others.vcpu[from]!, others.what[from]!);
  }

  copy(others: Happenings): void {
    this.n = others.n;
    this.at.set(others.at);
    this.vcpu.set(others.vcpu);
    this.what.set(others.what);
  }

  /** By time, where each is near its place. */
  insert(): void {
    const { n, at } = this;
    for (let i = 1; i < n; i++) {
      const moved = at[i]!;
      if (at[i - 1]! <= moved) continue;
      const vcpu = this.vcpu[i]!;
      const what = this.what[i]!;
      let to = i;
      for (; to > 0 && at[to - 1]! > moved; to--) this.take(to, this, to - 1);
      this.set(to, moved, vcpu, what);
    }
  }

  /** By time, rows `from` to `to` - 1. */
  sortMany(from: number, to: number): void {
    const { at } = this;
    const before = new Happenings(this.at.length);
    before.copy(this);
    const rows = Uint32Array.from({ length: to - from }, (_, i) => from + i);
    rows.sort((a, b) => at[a]! - at[b]! || a - b);
    for (const [i, row] of rows.entries()) this.take(from + i, before, row);
  }
}
