/**
 * What each vCPU's events were in equal parts of a recording's time: the ledger, looked at where a part ends.
 *
 * Shape: parts  EventCounts  [part][vCPU]; what set the stage before the recording (cause "boot") is left out.
 * Differs: an event whose time is before that of one already run belongs to the part that is open.
 *          The first event of a part is counted in the one before, which it ends.
 */
import { NR_EVENTS } from "../../abi/events.js";
import { CAUSE, type EventCounts, named } from "../../abi/ledger.js";
import type { Machine } from "../../machine/machine.js";
import type { EventChunk } from "../import/event.js";

/** Parts of a recording. */
export const PARTS = 60;

export class Bins {
  /** All counts where the recording begins, and at the end of each part that is closed. Shape: [end][vCPU][event] */
  private readonly ends: Float64Array[];
  private first = -1;

  /** `seconds` is how long the recording is. */
  constructor(
    private readonly machine: Machine,
    private readonly seconds: number,
  ) {
    this.ends = [this.now()];
  }

  /** What was recorded as row `i` has been run. */
  after(chunk: EventChunk, i: number): void {
    const time = chunk.time[i]!;
    if (this.first < 0) this.first = time;
    const part = this.part(time);
    while (this.closed < part) this.close();
  }

  /** The first of rows `i`..`last` at which a part ends, or `last`. See Follower.quiet(). */
  quiet(chunk: EventChunk, i: number, last: number): number {
    const { time } = chunk;
    let row = i;
    while (row < last && this.part(time[row]!) <= this.closed) row++;
    return row;
  }

  private part(time: number): number {
    return Math.min(PARTS - 1, Math.floor((PARTS * (time - this.first)) / (this.seconds * 1e9)));
  }

  private get closed(): number {
    return this.ends.length - 1;
  }

  /** All parts. Nothing may be run afterwards. */
  collect(): EventCounts[][] {
    while (this.closed < PARTS) this.close();
    const parts: EventCounts[][] = [];
    for (let part = 0; part < PARTS; part++) {
      const [before, end] = [this.ends[part]!, this.ends[part + 1]!];
      const counts: EventCounts[] = [];
      for (let row = 0; row < end.length; row += NR_EVENTS) counts.push(difference(before, end, row));
      parts.push(counts);
    }
    return parts;
  }

  private close(): void {
    this.ends.push(this.now());
  }

  private now(): Float64Array {
    const { ledger } = this.machine;
    const counts = new Float64Array(ledger.nrVcpus * NR_EVENTS);
    for (let vcpu = 0; vcpu < ledger.nrVcpus; vcpu++)
      counts.set(ledger.sums(vcpu, CAUSE.boot), vcpu * NR_EVENTS);
    return counts;
  }
}

/** What was counted from `before` to `end`, of the row of one vCPU that begins at `row`. */
function difference(before: Float64Array, end: Float64Array, row: number): EventCounts {
  const counts = end.slice(row, row + NR_EVENTS);
  for (let event = 0; event < NR_EVENTS; event++) counts[event]! -= before[row + event]!;
  return named(counts);
}
