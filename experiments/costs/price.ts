/**
 * Prices a ledger: cycles (or what the profile's unit is) with low, likely and high, each line with how it came about.
 *
 * The difference of two ledgers is a sum of (coefficient) * (constant), each constant having one value on
 * both sides; its bounds are exact (terms.ts).
 *
 * Differs: - a recording has faults, not accesses, so TLB misses are not simulated: who runs after a loss of entries is
 *            charged a bracket of misses (xen-model/refill.ts);
 *          - guest-kernel instructions that are the same under every proposal are not priced.
 */
import { eventDefinition, EVENT_NAMES, type EventName } from "../../abi/events.js";
import type { Cause, EventCounts } from "../../abi/ledger.js";
import type { Bracket, LedgerLine } from "../results.js";
import type { EventPrice, Profile } from "./profile.js";
import { boundsOf, coefficientsOf, TERMS } from "./terms.js";

/** What one event costs; undefined if it has no price. */
export function priceOf(profile: Profile, event: EventName): Bracket | undefined {
  const price = profile.instructions.events[event];
  if (price === undefined) return undefined;
  const times = Float64Array.from(TERMS, ({ key }) => price[key]);
  return boundsOf(profile, times);
}

/** How a price is made up: "438 instructions, 4 LFENCE, 1 locked (mmu_update, n L1 entries ...)". */
export function explainPrice(price: EventPrice): string {
  const parts = TERMS.filter(({ key }) => price[key] > 0).map(({ key, label }) => `${price[key]} ${label}`);
  return `${parts.join(", ")} (${price.from})`;
}

/** Price all events of a ledger that have a price, dearest first. */
export function priceLedger(
  profile: Profile,
  counts: EventCounts,
  byCause: Partial<Record<Cause, EventCounts>>,
): { cycles: Bracket; ledger: LedgerLine[] } {
  const total = { low: 0, likely: 0, high: 0 };
  const ledger: LedgerLine[] = [];
  for (const event of EVENT_NAMES) {
    const count = counts[event] ?? 0;
    const price = priceOf(profile, event);
    if (count === 0 || price === undefined) continue;
    const cycles = { low: count * price.low, likely: count * price.likely, high: count * price.high };
    total.low += cycles.low;
    total.likely += cycles.likely;
    total.high += cycles.high;
    const causes: Partial<Record<Cause, number>> = {};
    for (const [cause, events] of Object.entries(byCause) as [Cause, EventCounts][]) {
      if (events[event] !== undefined) causes[cause] = events[event];
    }
    const priceSource = explainPrice(profile.instructions.events[event]!);
    ledger.push({
      event,
      what: eventDefinition(event).what,
      count,
      byCause: causes,
      price,
      cycles,
      priceSource,
    });
  }
  ledger.sort((a, b) => b.cycles.likely - a.cycles.likely || (a.event < b.event ? -1 : 1));
  return { cycles: total, ledger };
}

/** Likely cycles by group of events, and minus those of `baseline`. */
export function priceGroups(
  profile: Profile,
  counts: EventCounts,
  baseline: EventCounts,
): { group: string; cycles: number; versusCycles: number }[] {
  const groups = Object.keys(profile.instructions.groups).map((group) => ({
    group,
    cycles: 0,
    versusCycles: 0,
  }));
  for (const event of EVENT_NAMES) {
    const price = profile.instructions.events[event];
    if (price === undefined) continue;
    const count = counts[event] ?? 0;
    const group = groups.find((g) => g.group === price.group)!;
    const { likely } = priceOf(profile, event)!;
    group.cycles += count * likely;
    group.versusCycles += (count - (baseline[event] ?? 0)) * likely;
  }
  return groups;
}

/** Cycles of `counts` minus those of `baseline`, and by group of events. */
export function priceDifference(
  profile: Profile,
  counts: EventCounts,
  baseline: EventCounts,
): { cycles: Bracket; groups: { group: string; cycles: number; versusCycles: number }[] } {
  const times = coefficientsOf(profile, counts);
  const base = coefficientsOf(profile, baseline);
  const cycles = boundsOf(
    profile,
    times.map((n, t) => n - base[t]!),
  );
  return { cycles, groups: priceGroups(profile, counts, baseline) };
}
