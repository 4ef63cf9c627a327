/** Runs groups on worker threads of this machine. */
import { Piscina } from "piscina";
import { BadInput } from "../../abi/bad-input.js";
import { GroupQueue } from "./group-queue.js";
import type { Simulated, Simulation } from "./simulate.js";
import type { Group } from "./spec.js";
import type { Answer } from "./worker.js";

/** Runs groups somewhere, and tells of each when it is done, in whatever order. Errors: BadInput. */
export type Engine = (
  groups: readonly Group[],
  done: (group: Group, simulated: Simulated) => void,
) => Promise<void>;

/** Each worker is a pool of one thread, so that the groups of a recording can be given to the thread that has it. */
export function localEngine(workers: number): Engine {
  return async (groups, done) => {
    const queue = new GroupQueue(groups);
    const filename = require.resolve("./worker.js");
    const pools = groups.slice(0, workers).map(() => new Piscina({ filename, minThreads: 1, maxThreads: 1 }));
    const work = async (pool: Piscina): Promise<void> => {
      const run = (group: Group | undefined) => group && { group, answer: answerOf(pool, group) };
      for (let running = run(queue.next()); running !== undefined;) {
        const { group } = running;
        const result = await running.answer;
        running = run(queue.next(group)); // the thread has work before this one is priced
        done(group, result);
      }
    };
    try {
      await Promise.all(pools.map(work));
    } finally {
      await Promise.all(pools.map((pool) => pool.destroy()));
    }
  };
}

async function answerOf(pool: Piscina, { cells: _, ...simulation }: Group): Promise<Simulated> {
  const answer = (await pool.run(simulation satisfies Simulation)) as Answer;
  if ("badInput" in answer) throw new BadInput(...answer.badInput);
  return answer.result;
}
