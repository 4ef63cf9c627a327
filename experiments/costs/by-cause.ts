/** What a cost is made of by cause: what the guest was asked to do when its events happened. */
import type { Cause } from "../../abi/ledger.js";
import type { LedgerLine } from "../results.js";

/** Likely cycles by cause, dearest first. */
export function cyclesByCause(ledger: readonly LedgerLine[]): { cause: Cause; cycles: number }[] {
  const sums = new Map<Cause, number>();
  for (const { byCause, price } of ledger) {
    for (const [cause, count] of Object.entries(byCause) as [Cause, number][])
      sums.set(cause, (sums.get(cause) ?? 0) + count * price.likely);
  }
  return [...sums]
    .map(([cause, cycles]) => ({ cause, cycles }))
    .sort((a, b) => b.cycles - a.cycles || (a.cause < b.cause ? -1 : 1));
}
