/**
 * What a thread does before it runs work by rates under several designs: a little of every kind, under each, in turns, for
 * the same reason as with recordings (../run/warm-up.ts).
 */
import type { Proposal } from "../../abi/proposal.js";
import { forEachHappening } from "./happenings.js";
import { RatedGuest, type RatedProcessor, type RatedWork } from "./rates.js";

/** Small enough to boot in a few milliseconds; with all that a guest by rates can do. */
const WORK: RatedWork = {
  vcpus: 2,
  threads: 4,
  syscalls: 500,
  sameMmSwitches: 500,
  otherMmSwitches: 200,
  slotChurn: 100,
  forks: 100,
  idle: 0.2,
  placement: "spread",
};
/** Of a turn, one as long as a vCPU works and idles; in seconds. */
const TURN = 0.01;
const TURNS = 2;

/** By name of the proposal: what has its shapes. */
const kept = new Map<string, RatedGuest>();

/** Run a little of everything under each proposal that this thread has not met in work by rates. */
export function warmUpRates(proposals: readonly Proposal[], processor: RatedProcessor): void {
  const unknown = proposals.filter(({ name }) => !kept.has(name));
  if (kept.size + unknown.length < 2) return;
  const guests = unknown.map((proposal) => new RatedGuest(WORK, proposal, processor));
  for (const [i, { name }] of unknown.entries()) kept.set(name, guests[i]!);
  for (let turn = 0; turn < TURNS; turn++)
    for (const guest of guests) forEachHappening(WORK, turn, TURN, guest);
}
