/**
 * Which group a worker runs next: the longest ones first, so that at the end no worker has long to wait for another, and
 * those of one recording one after the other, so that it is read once (simulate.ts).
 *
 * A worker stays with its recording while there is something left to run on it; then it takes the most work that no other
 * worker is at, or, if there is none, helps with what has most left.
 */
import type { Group, Work } from "./spec.js";

/** Groups that share a recording, the longest first; any other group is alone. */
interface Bucket {
  readonly groups: Group[];
  /** A worker is at it. */
  taken: boolean;
}

export class GroupQueue {
  private readonly buckets = new Map<string, Bucket>();

  constructor(groups: readonly Group[]) {
    for (const group of groups) {
      const bucket = this.buckets.get(bucketOf(group)) ?? { groups: [], taken: false };
      bucket.groups.push(group);
      this.buckets.set(bucketOf(group), bucket);
    }
    for (const { groups: own } of this.buckets.values())
      own.sort((a, b) => lengthOf(b.work) - lengthOf(a.work));
  }

  /** The next group of a worker whose last one was `last`; undefined: nothing is left. */
  next(last?: Group): Group | undefined {
    const own = last === undefined ? undefined : this.buckets.get(bucketOf(last));
    const bucket = own !== undefined && own.groups.length > 0 ? own : this.mostLeft();
    if (bucket === undefined) return undefined;
    bucket.taken = true;
    return bucket.groups.shift();
  }

  private mostLeft(): Bucket | undefined {
    const left = ({ groups }: Bucket) => groups.reduce((sum, { work }) => sum + lengthOf(work), 0);
    const buckets = [...this.buckets.values()].filter(({ groups }) => groups.length > 0);
    const [first] = buckets.sort((a, b) => Number(a.taken) - Number(b.taken) || left(b) - left(a));
    return first;
  }
}

function bucketOf({ key, work }: Group): string {
  return "recording" in work ? work.sha256 : key;
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
