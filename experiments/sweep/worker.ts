/** The worker thread's side of local-engine.ts: one group in, what it counted out. */
import { BadInput } from "../../abi/bad-input.js";
import { simulate, type Simulated, type Simulation } from "./simulate.js";

/** What crosses from a worker: errors lose their class on the way, so bad input travels as data. */
export type Answer = { result: Simulated } | { badInput: [string, string, string, string] };

export default async function work(group: Simulation): Promise<Answer> {
  try {
    return { result: await simulate(group) };
  } catch (error) {
    if (error instanceof BadInput) return { badInput: [error.file, error.place, error.what, error.remedy] };
    throw error;
  }
}
