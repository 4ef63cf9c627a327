/** The worker thread's side of local-engine.ts: one group in, what it counted out. */
import { BadInput } from "../../abi/bad-input.js";
import type { Proposal } from "../../abi/proposal.js";
import { warmUp } from "../run/warm-up.js";
import { warmUpRates } from "../synthetic/warm-up.js";
import { recordingOf, simulate, type Simulated, type Simulation } from "./simulate.js";
import type { Group } from "./group.js";

/** What crosses from a worker: errors lose their class on the way, so bad input travels as data. */
export type Answer<Result = Simulated> = { result: Result } | { badInput: [string, string, string, string] };

/** What a worker is told before its first work of a kind: under which proposals it may have to run it, and the next ones. */
export interface Outlook {
  readonly work: Group["work"];
  readonly proposals: readonly Proposal[];
  readonly machine: Group["machine"];
}

export default function work(group: Simulation): Promise<Answer> {
  return answerOf(() => simulate(group));
}

export function prepare({ work, proposals, machine }: Outlook): Promise<Answer<void>> {
  return answerOf(async () => {
    if ("recording" in work) warmUp(await recordingOf(work), proposals, machine);
    if ("synthetic" in work) warmUpRates(proposals, machine);
  });
}

/** Of the last one that was sent. */
let end: Promise<unknown> = Promise.resolve();

/** In turn: who asks need not wait until one has ended before it sends the next. */
function answerOf<Result>(run: () => Promise<Result>): Promise<Answer<Result>> {
  const answer = end.then(() => answerNow(run));
  end = answer.catch(() => undefined);
  return answer;
}

async function answerNow<Result>(run: () => Promise<Result>): Promise<Answer<Result>> {
  try {
    return { result: await run() };
  } catch (error) {
    if (error instanceof BadInput) return { badInput: [error.file, error.place, error.what, error.remedy] };
    throw error;
  }
}
