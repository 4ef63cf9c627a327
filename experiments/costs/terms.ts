/**
 * A cost as a sum: over a few terms, how often each (a coefficient, from the ledger), times what it costs (from the
 * profile's constants). Prices change the second factor only, so one simulation serves any number of them.
 *
 * No constant is in two terms. So a sum is least and most where each constant is at the end that its coefficient's
 * sign says, and these bounds are exact.
 */
import { EVENT_NAMES } from "../../abi/events.js";
import type { EventCounts } from "../../abi/ledger.js";
import type { Bracket } from "../results.js";
import type { ConstantName, EventPrice, Profile } from "./profile.js";

/** A term: its name in an event's price, the constants whose product it costs, and how a report calls it. */
export interface Term {
  readonly key: Exclude<keyof EventPrice, "group" | "from">;
  readonly constants: readonly ConstantName[];
  readonly label: string;
}

export const TERMS: readonly Term[] = [
  { key: "plain", constants: ["cycles_per_instruction"], label: "instructions" },
  { key: "lfence", constants: ["lfence"], label: "LFENCE" },
  { key: "locked", constants: ["locked_instruction"], label: "locked" },
  { key: "copy", constants: ["l4_copy"], label: "L4 copy" },
  { key: "cr3_write", constants: ["cr3_write"], label: "CR3 write" },
  { key: "cr4_write", constants: ["cr4_write"], label: "CR4 write" },
  { key: "invlpg", constants: ["invlpg"], label: "INVLPG" },
  { key: "invpcid_one", constants: ["invpcid_one"], label: "INVPCID of one address" },
  { key: "invpcid_all", constants: ["invpcid_all"], label: "INVPCID of a context" },
  { key: "syscall", constants: ["syscall_sysret"], label: "SYSCALL and SYSRET" },
  { key: "iretq", constants: ["iretq"], label: "IRETQ" },
  { key: "exception", constants: ["exception"], label: "exception delivery" },
  { key: "ipi", constants: ["ipi"], label: "interrupt to another CPU" },
  { key: "page_clear", constants: ["page_clear"], label: "page clear" },
  { key: "refill", constants: ["refill_pages_per_flush", "refill_page"], label: "refill" },
  { key: "refill_kernel", constants: ["refill_kernel"], label: "refill of kernel pages" },
  { key: "vm_exit", constants: ["vm_exit"], label: "VM exit and entry" },
  { key: "refill_nested", constants: ["refill_nested"], label: "second table in a refill" },
  {
    key: "refill_kernel_nested",
    constants: ["refill_kernel_nested"],
    label: "second table in a refill of kernel pages",
  },
];

export const NR_TERMS = TERMS.length;

/** How often each term is in `counts`. Shape: NR_TERMS. */
export function coefficientsOf(profile: Profile, counts: EventCounts): Float64Array {
  const times = new Float64Array(NR_TERMS);
  for (const event of EVENT_NAMES) {
    const price = profile.instructions.events[event];
    const count = counts[event] ?? 0;
    if (price === undefined || count === 0) continue;
    for (let t = 0; t < NR_TERMS; t++) times[t] = times[t]! + count * price[TERMS[t]!.key];
  }
  return times;
}

/** What each term costs, with every constant at `end`. Shape: NR_TERMS. */
export function termPrices(profile: Profile, end: "low" | "likely" | "high"): Float64Array {
  return Float64Array.from(TERMS, ({ constants }) =>
    constants.reduce((product, name) => product * profile.constants[name][end], 1),
  );
}

type Ends = Readonly<Record<"low" | "likely" | "high", Float64Array>>;

/** termPrices() of each profile that a sum has been asked of. */
const known = new WeakMap<Profile, Ends>();

function endsOf(profile: Profile): Ends {
  const had = known.get(profile);
  if (had !== undefined) return had;
  const [low, likely, high] = (["low", "likely", "high"] as const).map((end) => termPrices(profile, end));
  const ends = { low: low!, likely: likely!, high: high! };
  known.set(profile, ends);
  return ends;
}

/** Least, likely and most of a sum; coefficients below zero, as of a difference, are at their least where dear. */
export function boundsOf(profile: Profile, times: Float64Array): Bracket {
  const { low, likely, high } = endsOf(profile);
  const sum = { low: 0, likely: 0, high: 0 };
  for (let t = 0; t < NR_TERMS; t++) {
    const n = times[t]!;
    sum.low += n * (n > 0 ? low[t]! : high[t]!);
    sum.likely += n * likely[t]!;
    sum.high += n * (n > 0 ? high[t]! : low[t]!);
  }
  return sum;
}
