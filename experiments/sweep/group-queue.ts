/**
 * Which group a worker runs next: those of one recording one after the other, so that it is read once (simulate.ts), and so
 * all other work of a kind, so that a worker compiles for few kinds; of these the longest first, so that at the end no
 * worker has long to wait for another.
 *
 * A worker stays with its recording, or its kind, while there is something left of it; then it takes the most work that no
 * other worker is at, or, if there is none, helps with what has most left.
 */
import { type Group, kindOf, type Work } from "./group.js";

/** Groups that a worker had better run one after the other, the longest first. */
class Bucket {
  /** A worker is at it, or was. */
  taken = false;
  private readonly groups: Group[] = [];
  private first = 0;
  /** How long those that are left take, as of lengthOf(). */
  length = 0;

  add(group: Group): void {
    this.groups.push(group);
    this.length += lengthOf(group.work);
  }

  sort(): void {
    this.groups.sort((a, b) => lengthOf(b.work) - lengthOf(a.work));
  }

  take(): Group {
    this.taken = true;
    const group = this.groups[this.first++]!;
    this.length -= lengthOf(group.work);
    return group;
  }

  get left(): Group[] {
    return this.groups.slice(this.first);
  }

  get size(): number {
    return this.groups.length - this.first;
  }

  get empty(): boolean {
    return this.size === 0;
  }
}

export class GroupQueue {
  private readonly buckets = new Map<string, Bucket>();

  constructor(groups: readonly Group[]) {
    for (const group of groups) {
      const name = bucketOf(group);
      const bucket = this.buckets.get(name) ?? new Bucket();
      bucket.add(group);
      this.buckets.set(name, bucket);
    }
    for (const bucket of this.buckets.values()) bucket.sort();
  }

  /** The next group of a worker whose last one was `last`; undefined: nothing is left. */
  next(last?: Group): Group | undefined {
    const own = last && this.buckets.get(bucketOf(last));
    const bucket = own === undefined || own.empty ? this.longest() : own;
    return bucket?.take();
  }

  /** How many are left. */
  get size(): number {
    return [...this.buckets.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Those that are left of a kind of work. */
  leftOf(kind: string): Group[] {
    return [...this.buckets.values()].flatMap(({ left }) => left).filter(({ work }) => kindOf(work) === kind);
  }

  private longest(): Bucket | undefined {
    const buckets = [...this.buckets.values()].filter(({ empty }) => !empty);
    const [first] = buckets.sort((a, b) => Number(a.taken) - Number(b.taken) || b.length - a.length);
    return first;
  }
}

function bucketOf({ work }: Group): string {
  return "recording" in work ? work.sha256 : kindOf(work);
}

/** Bytes of a packed recording that take as long as a second of any other work, roughly. */
const BYTES_A_SECOND = 1.5e6;

/** About how long it takes. Units: bytes of a packed recording that take as long. */
function lengthOf(work: Work): number {
  if ("recording" in work) return work.bytes;
  if ("script" in work) return 0.1 * BYTES_A_SECOND;
  const { vcpus, threads } = work.synthetic;
  return (0.05 + 8e-6 * vcpus ** 2 + 1e-4 * threads) * BYTES_A_SECOND;
}
