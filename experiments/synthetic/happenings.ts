/**
 * When what happens in work by rates (rates.ts): each kind of event on each vCPU at even distances, from a phase drawn for it.
 *
 * They are made a window of time at a time, so that an event costs the same however many there are, and on however many vCPUs:
 * a window has some for each series, and its columns stay in the cache.
 */
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
export type Kind = (typeof WORK)[number] | "idle" | "wake";

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
  happen(vcpu: number, kind: Kind): void;
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
    for (const [s, series] of all.entries()) {
      for (; series.next < end; series.advance()) window.add(series.next, s);
    }
    window.sort();
    for (let i = 0; i < window.n; i++) {
      const { vcpu, kind } = all[window.series[window.order[i]!]!]!;
      stage.happen(vcpu, kind);
    }
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
      return new Series(vcpu, kind, Math.floor(rate * seconds + phase), (i) => {
        const busy = ((i + phase) / rate) * (1 - rates.idle); // time of its own, idling left out
        const turn = Math.floor(busy / active);
        return turn * TURN + (TURN - active) + (busy - turn * active);
      });
    });
    const wake = new Series(vcpu, "wake", turns, (turn) => turn * TURN + (TURN - active));
    const idle = new Series(vcpu, "idle", turns, (turn) => turn * TURN);
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
    readonly kind: Kind,
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

/** Times of happenings with the series of each, as they were added; `order` is by time, then as they were added, once sorted. */
class Window {
  n = 0;
  at = new Float64Array(2 * WINDOW);
  series = new Uint32Array(2 * WINDOW);
  order = new Uint32Array(2 * WINDOW);
  private end = new Uint32Array(2 * WINDOW);

  clear(): void {
    this.n = 0;
  }

  add(at: number, series: number): void {
    if (this.n === this.at.length) this.grow();
    this.at[this.n] = at;
    this.series[this.n++] = series;
  }

  private grow(): void {
    const rows = 2 * this.at.length;
    const { at, series } = this;
    this.at = new Float64Array(rows);
    this.at.set(at);
    this.series = new Uint32Array(rows);
    this.series.set(series);
    this.order = new Uint32Array(rows);
    this.end = new Uint32Array(rows);
  }

  /** Into buckets by time, and each bucket in itself. */
  sort(): void {
    const { n, at, order, end } = this;
    let [first, last] = [Infinity, -Infinity];
    for (let i = 0; i < n; i++) {
      first = Math.min(first, at[i]!);
      last = Math.max(last, at[i]!);
    }
    const buckets = Math.ceil(n / BUCKET);
    const width = (last - first) / buckets;
    const bucketOf = (i: number) =>
      width > 0 ? Math.min(buckets - 1, Math.floor((at[i]! - first) / width)) : 0;
    end.fill(0, 0, buckets);
    for (let i = 0; i < n; i++) end[bucketOf(i)]!++;
    for (let bucket = 1; bucket < buckets; bucket++) end[bucket]! += end[bucket - 1]!;
    for (let i = n - 1; i >= 0; i--) order[--end[bucketOf(i)]!] = i; // end is where each begins, behind this
    for (let bucket = 0; bucket < buckets; bucket++)
      this.sortBucket(end[bucket]!, bucket + 1 < buckets ? end[bucket + 1]! : n);
  }

  private sortBucket(from: number, to: number): void {
    const { at, order } = this;
    if (to - from > SEVERAL) {
      order.subarray(from, to).sort((a, b) => at[a]! - at[b]!);
      return;
    }
    for (let i = from + 1; i < to; i++) {
      const moved = order[i]!;
      let to = i;
      for (; to > from && at[order[to - 1]!]! > at[moved]!; to--) order[to] = order[to - 1]!;
      order[to] = moved;
    }
  }
}
