/**
 * A priced ledger as folded stacks, which flame-graph tools read: because of what, in which group of events, which event.
 *
 * Shape: a line a stack, "run;cause;group;event cycles", likely cycles as a whole number; lines in order.
 * Mirrors: the output of stackcollapse-perf.pl, FlameGraph.
 */
import { EVENT_NAMES } from "../../abi/events.js";
import { type Cause, CAUSES, type EventCounts } from "../../abi/ledger.js";
import { priceOf } from "./price.js";
import type { Profile } from "./profile.js";

/** The stacks of the run that is called `run`. */
export function foldedStacks(
  run: string,
  profile: Profile,
  byCause: Partial<Record<Cause, EventCounts>>,
): string {
  const lines: string[] = [];
  for (const cause of CAUSES) {
    for (const event of EVENT_NAMES) {
      const count = byCause[cause]?.[event] ?? 0;
      const price = priceOf(profile, event);
      const cycles = count === 0 || price === undefined ? 0 : Math.round(count * price.likely);
      if (cycles > 0)
        lines.push(`${run};${cause};${profile.instructions.events[event]!.group};${event} ${cycles}\n`);
    }
  }
  return lines.sort().join("");
}
