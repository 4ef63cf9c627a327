/** Runs groups on worker threads of this machine. */
import { Piscina } from "piscina";
import { BadInput } from "../../abi/bad-input.js";
import { GroupQueue } from "./group-queue.js";
import type { Simulated, Simulation } from "./simulate.js";
import { type Group, kindOf } from "./group.js";
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
      let running = thread.send(queue.next());
      while (running !== undefined) {
        const { group } = running;
        const ahead = queue.size >= ENOUGH * workers ? thread.send(queue.next(group)) : undefined;
        const simulated = await running.simulated;
        running = ahead ?? thread.send(queue.next(group)); // the thread has work before this one is priced
        done(group, simulated);
      }
    };
    try {
      await Promise.all(threads.map(work));
    } finally {
      await Promise.all(threads.map((thread) => thread.end()));
    }
  };
}

/**
 * So many groups that are left for each worker are worth a warm-up: under different proposals they take as long with one as without;
 * and so many that a worker may have one more than it runs: it does not wait for the main thread, and at the end none for it.
 */
const ENOUGH = 3;

/** A group that a thread has, or is about to have. */
interface Sent {
  readonly group: Group;
  /** Rejected with BadInput. */
  readonly simulated: Promise<Simulated>;
}

/** A pool of one thread, so that the groups of a recording can be given to the thread that has it. */
class Thread {
  private readonly pool = new Piscina({
    filename: require.resolve("./worker.js"),
    minThreads: 1,
    maxThreads: 1,
    concurrentTasksPerWorker: 2, // one that runs, and one that waits there for its turn
  });
  private readonly kinds = new Set<string>();

  constructor(
    private readonly queue: GroupQueue,
    private readonly workers: number,
  ) {
    // An answer that is on its way when the thread is ended, which nobody waits for: one that somebody does is rejected.
    this.pool.on("error", () => undefined);
  }

  /** What is sent runs in that order, one after the other. */
  send(group: Group | undefined): Sent | undefined {
    if (group === undefined) return undefined;
    const simulated = this.run(group);
    simulated.catch(() => undefined); // nobody looks at it if one before it has failed
    return { group, simulated };
  }

  end(): Promise<void> {
    return this.pool.destroy();
  }

  private async run(group: Group): Promise<Simulated> {
    const { cells: _, ...simulation } = group;
    const prepared = this.prepareFor(group);
    const answer = this.pool.run(simulation satisfies Simulation) as Promise<Answer>;
    const [, simulated] = await Promise.all([prepared, answer]);
    return resultOf(simulated);
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
