/** Runs groups on worker threads of this machine. */
import { Piscina } from "piscina";
import { BadInput } from "../../abi/bad-input.js";
import type { Proposal } from "../../abi/proposal.js";
import { GroupQueue } from "./group-queue.js";
import type { Simulated, Simulation } from "./simulate.js";
import type { Group } from "./spec.js";
import type { Answer, Outlook } from "./worker.js";

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
    const proposals = [
      ...new Set(groups.filter(({ work }) => "recording" in work).map((group) => group.proposal)),
    ];
    const work = async (pool: Piscina): Promise<void> => {
      const run = (group: Group | undefined) => group && { group, answer: answerOf(pool, group) };
      const first = queue.next();
      if (first !== undefined && groups.length > workers) await prepare(pool, first, proposals);
      for (let running = run(first); running !== undefined;) {
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
  return resultOf((await pool.run(simulation satisfies Simulation)) as Answer);
}

async function prepare(pool: Piscina, first: Group, proposals: readonly Proposal[]): Promise<void> {
  const { work, machine } = first;
  if (!("recording" in work)) return;
  const outlook: Outlook = { work, proposals, machine };
  resultOf((await pool.run(outlook, { name: "prepare" })) as Answer<void>);
}

/** Errors: BadInput. */
function resultOf<Result>(answer: Answer<Result>): Result {
  if ("badInput" in answer) throw new BadInput(...answer.badInput);
  return answer.result;
}
