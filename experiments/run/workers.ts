/**
 * Cells of an evaluation on several worker threads.
 *
 * Results come back in the order of the cells, whichever worker was first.
 */
import { Piscina } from "piscina";
import { BadInput } from "../../abi/bad-input.js";
import type { Cell, CellResult } from "./run-workload.js";

/** What crosses from a worker: errors lose their class on the way, so bad input travels as data. */
export type WorkerAnswer = { result: CellResult } | { badInput: [string, string, string, string] };

export async function runInWorkers(
  cells: readonly Cell[],
  workers: number,
  finished: (cell: CellResult) => CellResult,
): Promise<CellResult[]> {
  const pool = new Piscina({
    filename: require.resolve("./worker.js"),
    minThreads: 1,
    maxThreads: Math.min(workers, cells.length),
  });
  pool.on("error", () => undefined); // an answer that is on its way when the pool is ended, which nobody waits for
  try {
    const answers = cells.map(async (cell) => {
      const answer = (await pool.run(cell)) as WorkerAnswer;
      if ("badInput" in answer) throw new BadInput(...answer.badInput);
      return finished(answer.result);
    });
    return await Promise.all(answers);
  } finally {
    await pool.destroy();
  }
}
