/**
 * The order in which the L4s of an mm, beside its reference, get an update: any. A design visits them by thread or by vCPU, which
 * says nothing about who comes first; so any pair that waits may be next.
 */
import type { CallBuffer } from "../../abi/hypercalls.js";
import type { Linux } from "../../linux-mm-model/linux.js";

/** How many pairs of requests, for both L4s of a replica each, requests from..end-1 end with. */
export function pairsWaiting(k: Linux, calls: CallBuffer, from: number, end: number): number {
  let pairs = 0;
  for (let at = end - 2; at >= from; at -= 2) {
    const user = k.pages.private[calls.mu_table[at]!]!;
    if (user === 0 || user !== calls.mu_table[at + 1]) break;
    pairs++;
  }
  return pairs;
}

/** Where the pair is that has `rank` others below it, by table and slot, among requests from..end-1, which are pairs. */
export function pairOfRank(calls: CallBuffer, from: number, end: number, rank: number): number {
  const { mu_table, mu_slot } = calls;
  for (let at = from; at < end; at += 2) {
    let below = 0;
    for (let i = from; i < end; i += 2) {
      const order = mu_table[i]! - mu_table[at]!;
      if (order < 0 || (order === 0 && mu_slot[i]! < mu_slot[at]!)) below++;
    }
    if (below === rank) return at;
  }
  throw new RangeError("pairOfRank: two pairs are alike; write them in order");
}

/** Let the pair of requests at `a` and the one at `b` change places. */
export function swapPairs(calls: CallBuffer, a: number, b: number): void {
  const { mu_table, mu_slot, mu_frame, mu_flags } = calls;
  for (let i = 0; i < 2; i++) {
    swap(mu_table, a + i, b + i);
    swap(mu_slot, a + i, b + i);
    swap(mu_frame, a + i, b + i);
    swap(mu_flags, a + i, b + i);
  }
}

function swap(row: Float64Array | Uint16Array | Uint32Array, a: number, b: number): void {
  const kept = row[a]!;
  row[a] = row[b]!;
  row[b] = kept;
}
