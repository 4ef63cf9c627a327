/**
 * Prices a ledger: cycles with low, likely and high, each line with how it came about.
 *
 * The difference of two ledgers is a sum of (coefficient) * (constant), each constant having one value on
 * both sides; its bounds take for each constant the worse of low and high, so they are exact.
 *
 * Differs: - a recording has faults, not accesses, so TLB refills are not simulated: each loss of all non-global
 *            entries is charged refill_pages_per_flush pages of refill_page cycles, whoever runs next;
 *          - guest-kernel instructions that are the same under every proposal are not priced.
 */
import { eventDefinition, EVENT_NAMES, type EventName } from "../../abi/events.js";
import type { Cause, EventCounts } from "../../abi/ledger.js";
import type { Bracket, LedgerLine } from "../results.js";
import type { ConstantName, EventPrice, Profile } from "./profile.js";

/** Terms of an event's price, and the constant each is multiplied by. */
const TERMS: readonly (readonly [keyof EventPrice, ConstantName, string])[] = [
  ["plain", "cycles_per_instruction", "instructions"],
  ["lfence", "lfence", "LFENCE"],
  ["locked", "locked_instruction", "locked"],
  ["copy", "l4_copy", "L4 copy"],
  ["cr3_write", "cr3_write", "CR3 write"],
  ["cr4_write", "cr4_write", "CR4 write"],
  ["invlpg", "invlpg", "INVLPG"],
  ["invpcid_one", "invpcid_one", "INVPCID of one address"],
  ["invpcid_all", "invpcid_all", "INVPCID of a context"],
  ["syscall", "syscall_sysret", "SYSCALL and SYSRET"],
  ["iretq", "iretq", "IRETQ"],
  ["exception", "exception", "exception delivery"],
  ["ipi", "ipi", "interrupt to another CPU"],
  ["page_clear", "page_clear", "page clear"],
];

/** Cycles for one event. */
export function priceOf(profile: Profile, event: EventName): Bracket | undefined {
  const price = profile.instructions.events[event];
  if (price === undefined) return undefined;
  const sum = { low: 0, likely: 0, high: 0 };
  const add = (times: number, b: Bracket) => {
    sum.low += times * b.low;
    sum.likely += times * b.likely;
    sum.high += times * b.high;
  };
  for (const [term, constant] of TERMS) add(price[term] as number, profile.constants[constant]);
  add(price.refill, refill(profile, "refill_pages_per_flush"));
  add(price.refill_kernel, refill(profile, "refill_kernel_pages"));
  return sum;
}

/** How a price is made up: "438 instructions, 4 LFENCE, 1 locked (mmu_update, n L1 entries ...)". */
function explain(price: EventPrice): string {
  const parts = TERMS.filter(([term]) => (price[term] as number) > 0).map(
    ([term, , label]) => `${price[term]} ${label}`,
  );
  if (price.refill > 0) parts.push(`${price.refill} refill`);
  if (price.refill_kernel > 0) parts.push(`${price.refill_kernel} refill of kernel pages`);
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
    const priceSource = explain(profile.instructions.events[event]!);
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

/** Cycles of `counts` minus those of `baseline`, and by group of events. */
export function priceDifference(
  profile: Profile,
  counts: EventCounts,
  baseline: EventCounts,
): { cycles: Bracket; groups: { group: string; cycles: number; versusCycles: number }[] } {
  const groups = Object.keys(profile.instructions.groups).map((group) => ({
    group,
    cycles: 0,
    versusCycles: 0,
  }));
  const coefficients = new Float64Array(TERMS.length + 2); // the last two are the refills'
  for (const event of EVENT_NAMES) {
    const price = profile.instructions.events[event];
    if (price === undefined) continue;
    const count = counts[event] ?? 0;
    const more = count - (baseline[event] ?? 0);
    TERMS.forEach(([term], i) => (coefficients[i]! += more * (price[term] as number)));
    coefficients[TERMS.length]! += more * price.refill;
    coefficients[TERMS.length + 1]! += more * price.refill_kernel;
    const group = groups.find((g) => g.group === price.group)!;
    const { likely } = priceOf(profile, event)!;
    group.cycles += count * likely;
    group.versusCycles += more * likely;
  }

  const total = { low: 0, likely: 0, high: 0 };
  coefficients.forEach((times, i) => {
    const constant =
      i < TERMS.length
        ? profile.constants[TERMS[i]![1]]
        : refill(profile, i === TERMS.length ? "refill_pages_per_flush" : "refill_kernel_pages");
    total.low += times * (times > 0 ? constant.low : constant.high);
    total.likely += times * constant.likely;
    total.high += times * (times > 0 ? constant.high : constant.low);
  });
  return { cycles: total, groups };
}

/** Cycles to bring back what one flush took away. */
function refill(profile: Profile, which: "refill_pages_per_flush" | "refill_kernel_pages"): Bracket {
  const pages = profile.constants[which];
  const each = profile.constants.refill_page;
  return { low: pages.low * each.low, likely: pages.likely * each.likely, high: pages.high * each.high };
}
