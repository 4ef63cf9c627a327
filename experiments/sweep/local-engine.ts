/** Runs groups on worker threads of this machine. */
import { Piscina } from "piscina";
import { BadInput } from "../../abi/bad-input.js";
import type { Simulated, Simulation } from "./simulate.js";
import type { Group } from "./spec.js";
import type { Answer } from "./worker.js";

/** Runs groups somewhere, and tells of each when it is done, in whatever order. Errors: BadInput. */
export type Engine = (
  groups: readonly Group[],
  done: (group: Group, simulated: Simulated) => void,
) => Promise<void>;

export function localEngine(workers: number): Engine {
  return async (groups, done) => {
    const pool = new Piscina({
      filename: require.resolve("./worker.js"),
      minThreads: Math.min(workers, groups.length),
      maxThreads: workers,
    });
    try {
      await Promise.all(
        groups.map(async (group) => {
          const { cells: _, ...simulation } = group;
          const answer = (await pool.run(simulation satisfies Simulation)) as Answer;
          if ("badInput" in answer) throw new BadInput(...answer.badInput);
          done(group, answer.result);
        }),
      );
    } finally {
      await pool.destroy();
    }
  };
}
