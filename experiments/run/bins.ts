/**
 * What each vCPU's events were in equal parts of a recording's time: the ledger, looked at where a part ends.
 *
 * Shape: parts  EventCounts  [part][vCPU]; what set the stage before the recording (cause "boot") is left out.
 * Differs: an event whose time is before that of one already run belongs to the part that is open.
 */
import { CAUSE, type EventCounts } from "../../abi/ledger.js";
import type { EventName } from "../../abi/events.js";
import type { Machine } from "../../machine/machine.js";
import type { EventChunk } from "../import/event.js";

/** Parts of a recording. */
export const PARTS = 60;

export class Bins {
  private readonly parts: EventCounts[][] = [];
  private before: EventCounts[];
  private first = -1;

  /** `seconds` is how long the recording is. */
  constructor(
    private readonly machine: Machine,
    private readonly seconds: number,
  ) {
    this.before = this.now();
  }

  /** What was recorded as row `i` has been run. */
  after(chunk: EventChunk, i: number): void {
    const time = chunk.time[i]!;
    if (this.first < 0) this.first = time;
    const part = this.part(time);
    while (this.parts.length < part) this.close();
  }

  /** The first of rows `i`..`last` at which a part ends, or `last`. See Follower.quiet(). */
  quiet(chunk: EventChunk, i: number, last: number): number {
    const { time } = chunk;
    let row = i;
    while (row < last && this.part(time[row]!) <= this.parts.length) row++;
    return row;
  }

  private part(time: number): number {
    return Math.min(PARTS - 1, Math.floor((PARTS * (time - this.first)) / (this.seconds * 1e9)));
  }

  /** All parts. Nothing may be run afterwards. */
  collect(): EventCounts[][] {
    while (this.parts.length < PARTS) this.close();
    return this.parts;
  }

  private close(): void {
    const now = this.now();
    this.parts.push(now.map((counts, vcpu) => less(counts, this.before[vcpu]!)));
    this.before = now;
  }

  private now(): EventCounts[] {
    const { ledger } = this.machine;
    return Array.from({ length: ledger.nrVcpus }, (_, vcpu) => ledger.collect(vcpu, CAUSE.boot));
  }
}

function less(counts: EventCounts, before: EventCounts): EventCounts {
  const result: EventCounts = {};
  for (const [name, n] of Object.entries(counts) as [EventName, number][]) {
    if (n !== (before[name] ?? 0)) result[name] = n - (before[name] ?? 0);
  }
  return result;
}
