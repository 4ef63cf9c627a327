/** Runs groups on worker threads of this machine. */
import { Piscina } from "piscina";
import { BadInput } from "../../abi/bad-input.js";
import { GroupQueue } from "./group-queue.js";
import type { Simulated, Simulation } from "./simulate.js";
import { type Group, kindOf } from "./spec.js";
import type { Answer, Outlook } from "./worker.js";

/** Runs groups somewhere, and tells of each when it is done, in whatever order. Errors: BadInput. */
export type Engine = (
  groups: readonly Group[],
  done: (group: Group, simulated: Simulated) => void,
) => Promise<void>;

export function localEngine(workers: number): Engine {
  return async (groups, done) => {
    const queue = new GroupQueue(groups);
    const threads = groups.slice(0, workers).map(() => new Thread(queue, workers));
    const work = async (thread: Thread): Promise<void> => {
      const run = (group: Group | undefined) => group && { group, answer: thread.run(group) };
      for (let running = run(queue.next()); running !== undefined;) {
        const { group } = running;
        const result = await running.answer;
        running = run(queue.next(group)); // the thread has work before this one is priced
        done(group, result);
      }
    };
    try {
      await Promise.all(threads.map(work));
    } finally {
      await Promise.all(threads.map((thread) => thread.end()));
    }
  };
}

/** So many groups for each worker, under different proposals, take as long with a warm-up as without. */
const ENOUGH = 3;

/** A pool of one thread, so that the groups of a recording can be given to the thread that has it. */
class Thread {
  private readonly pool = new Piscina({
    filename: require.resolve("./worker.js"),
    minThreads: 1,
    maxThreads: 1,
  });
  private readonly kinds = new Set<string>();

  constructor(
    private readonly queue: GroupQueue,
    private readonly workers: number,
  ) {}

  /** Errors: BadInput. */
  async run(group: Group): Promise<Simulated> {
    await this.prepareFor(group);
    const { cells: _, ...simulation } = group;
    return resultOf((await this.pool.run(simulation satisfies Simulation)) as Answer);
  }

  end(): Promise<void> {
    return this.pool.destroy();
  }

  /** Before the first one of a kind, unless there are few left. */
  private async prepareFor({ work, machine, proposal }: Group): Promise<void> {
    const kind = kindOf(work);
    if (this.kinds.has(kind)) return;
    this.kinds.add(kind);
    const left = this.queue.leftOf(kind);
    if (left.length < ENOUGH * this.workers) return;
    const proposals = [...new Set([proposal, ...left.map((group) => group.proposal)])];
    const outlook: Outlook = { work, proposals, machine };
    resultOf((await this.pool.run(outlook, { name: "prepare" })) as Answer<void>);
  }
}

/** Errors: BadInput. */
function resultOf<Result>(answer: Answer<Result>): Result {
  if ("badInput" in answer) throw new BadInput(...answer.badInput);
  return answer.result;
}
