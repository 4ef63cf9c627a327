/** The worker thread's side of workers.ts: one cell in, its result out. */
import { BadInput } from "../../abi/bad-input.js";
import { runWorkload, type Cell } from "./run-workload.js";
import type { WorkerAnswer } from "./workers.js";

export default async function work(cell: Cell): Promise<WorkerAnswer> {
  try {
    return { result: await runWorkload(cell) };
  } catch (error) {
    if (error instanceof BadInput) return { badInput: [error.file, error.place, error.what, error.remedy] };
    throw error;
  }
}
