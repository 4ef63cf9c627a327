/** Runs groups on worker threads of this machine. */
import { Piscina } from "piscina";
import { BadInput } from "../../abi/bad-input.js";
import { type Group, kindOf } from "./group.js";
import { GroupQueue } from "./group-queue.js";
import type { Simulated, Simulation } from "./simulate.js";
import type { Answer, Outlook } from "./worker.js";

/** Where groups run. */
export interface Engine {
  /** Run them, and tell of each when it is done, in whatever order. Errors: BadInput. */
  run(groups: readonly Group[], done: (group: Group, simulated: Simulated) => void): Promise<void>;
  /** Let go of what it holds: for who has made one, whatever comes of it. */
  end(): Promise<void>;
}

/** So many threads load what they run while the sweep is read: there are few sweeps of fewer groups. */
const EARLY = 4;

export class LocalEngine implements Engine {
  private readonly threads: Thread[];

  constructor(private readonly workers: number) {
    this.threads = Array.from({ length: Math.min(workers, EARLY) }, () => new Thread());
  }

  async run(groups: readonly Group[], done: (group: Group, simulated: Simulated) => void): Promise<void> {
    const queue = new GroupQueue(groups);
    const enough = ENOUGH * this.workers;
    const next = (thread: Thread, last?: Group): Sent | undefined => {
      const group = queue.next(last);
      if (group === undefined) return undefined;
      const alike = queue.leftOf(kindOf(group.work));
      return thread.send(group, alike.length >= enough ? alike : []);
    };
    const work = async (thread: Thread): Promise<void> => {
      let running = next(thread);
      while (running !== undefined) {
        const { group } = running;
        const ahead = queue.size >= enough ? next(thread, group) : undefined;
        const simulated = await running.simulated;
        running = ahead ?? next(thread, group); // the thread has work before this one is priced
        done(group, simulated);
      }
      void thread.end(); // it takes a while, beside the others' last groups and the tables
    };
    const threads = Math.min(this.workers, groups.length);
    while (this.threads.length < threads) this.threads.push(new Thread());
    await Promise.all(this.threads.slice(0, threads).map(work));
  }

  async end(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.end()));
  }
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
  private ended?: Promise<void>;

  constructor() {
    // An answer that is on its way when the thread is ended, which nobody waits for: one that somebody does is rejected.
    this.pool.on("error", () => undefined);
  }

  /**
   * What is sent runs in that order, one after the other. `alike`: others of its kind, which the thread gets ready for before its
   * first one; none where too few are left.
   */
  send(group: Group, alike: readonly Group[]): Sent {
    const simulated = this.run(group, alike);
    simulated.catch(() => undefined); // nobody looks at it if one before it has failed
    return { group, simulated };
  }

  end(): Promise<void> {
    return (this.ended ??= this.pool.destroy());
  }

  private async run(group: Group, alike: readonly Group[]): Promise<Simulated> {
    const { cells: _, ...simulation } = group;
    const prepared = this.prepareFor(group, alike);
    const answer = this.pool.run(simulation satisfies Simulation) as Promise<Answer>;
    const [, simulated] = await Promise.all([prepared, answer]);
    return resultOf(simulated);
  }

  /** Before the first group of a kind. */
  private async prepareFor({ work, machine, proposal }: Group, alike: readonly Group[]): Promise<void> {
    const kind = kindOf(work);
    if (this.kinds.has(kind)) return;
    this.kinds.add(kind);
    if (alike.length === 0) return;
    const proposals = [...new Set([proposal, ...alike.map((group) => group.proposal)])];
    const outlook: Outlook = { work, proposals, machine };
    resultOf((await this.pool.run(outlook, { name: "prepare" })) as Answer<void>);
  }
}

/** Errors: BadInput. */
function resultOf<Result>(answer: Answer<Result>): Result {
  if ("badInput" in answer) throw new BadInput(...answer.badInput);
  return answer.result;
}
