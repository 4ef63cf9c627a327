/**
 * Runs groups on any number of hosts: jobs of a BullMQ queue in Redis, worked off by `pvtwin worker`.
 *
 * A job's id is its group's key, so that a group is in the queue once, whoever asks. Who asks does not rely on being told:
 * it looks for the result of each group until it is there, and puts the job back if Redis has forgotten it.
 *
 * Differs: recordings are read by the workers, under the path that the sweep names: hosts share a file system, or have
 *          the same files; another file there is refused.
 */
import type { ConnectionOptions, Job, Queue } from "bullmq";
import { BadInput } from "../../abi/bad-input.js";
import type { Group } from "./group.js";
import type { Engine } from "./local-engine.js";
import type { Simulated, Simulation } from "./simulate.js";
import type { Answer } from "./worker.js";

const QUEUE = "pvtwin";
/** Time between two looks. */
const LOOK_MS = 250;
/** Failures of one job that are borne, of whatever kind but bad input. */
const ATTEMPTS = 3;
/** A worker that says nothing for so long is taken to be gone, and its job goes to another one. */
const LOCK_MS = 10_000;

export class BullmqEngine implements Engine {
  constructor(private readonly redis: string) {}

  async run(groups: readonly Group[], done: (group: Group, simulated: Simulated) => void): Promise<void> {
    const { Queue: BullQueue } = await import("bullmq");
    const queue = new BullQueue(QUEUE, { connection: connectionOf(this.redis) });
    queue.on("error", () => undefined); // Redis is gone for a moment; the next look finds out
    try {
      const waiting = new Map(groups.map((group) => [group.key, { group, failures: 0 }]));
      while (waiting.size > 0) {
        for (const [key, entry] of waiting) {
          const answer = await answerOf(queue, entry).catch(unlessConnection);
          if (answer === undefined) continue;
          if ("badInput" in answer) throw new BadInput(...answer.badInput);
          waiting.delete(key);
          done(entry.group, answer.result);
        }
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
    } finally {
      await queue.close().catch(() => undefined);
    }
  }

  /** Nothing is held: jobs stay in Redis, for who asks again. */
  end(): Promise<void> {
    return Promise.resolve();
  }
}

/** The answer of a group's job, if it is there; the job is made where there is none. */
async function answerOf(
  queue: Queue,
  entry: { readonly group: Group; failures: number },
): Promise<Answer | undefined> {
  const { cells: _, ...simulation } = entry.group;
  const job = (await queue.getJob(entry.group.key)) as Job | undefined;
  if (job === undefined) {
    await queue.add("simulate", simulation satisfies Simulation, { jobId: entry.group.key });
    return undefined;
  }
  if (await job.isFailed()) {
    if (++entry.failures >= ATTEMPTS) {
      const { workload, proposal } = entry.group;
      const what = `failed ${ATTEMPTS} times: ${job.failedReason.split("\n")[0]}`;
      throw new BadInput(`${workload} under ${proposal.name}`, "", what, "see what pvtwin worker says");
    }
    await job.retry();
    return undefined;
  }
  if (!(await job.isCompleted())) return undefined;
  return (job.returnvalue as Answer | null) ?? undefined; // null: it was completed since it was read, and is read again
}

/** What happens while Redis is away is tried again; all else is an error. */
function unlessConnection(error: unknown): undefined {
  if (error instanceof BadInput) throw error;
  return undefined;
}

/** Serve the queue until `stop` is resolved; `workers` jobs at a time, each in a thread of its own. */
export async function serveQueue(
  redis: string,
  workers: number,
  told: (what: string) => void,
  stop: Promise<void>,
): Promise<void> {
  const [{ Worker }, { Piscina }] = await Promise.all([import("bullmq"), import("piscina")]);
  // in threads, as this one has to keep telling Redis that it is alive
  const pool = new Piscina({ filename: require.resolve("./worker.js"), maxThreads: workers });
  const worker = new Worker(
    QUEUE,
    async (job) => {
      const { workload, proposal } = job.data as Simulation;
      const answer = (await pool.run(job.data)) as Answer;
      told(`${workload} under ${proposal.name}`);
      return answer;
    },
    {
      connection: connectionOf(redis),
      concurrency: workers,
      lockDuration: LOCK_MS,
      stalledInterval: LOCK_MS / 2,
      maxStalledCount: 1000,
    },
  );
  worker.on("error", () => undefined); // it connects again by itself
  await stop;
  await worker.close(true);
  await pool.destroy();
}

/** Errors: BadInput for what is no address of a Redis. */
function connectionOf(redis: string): ConnectionOptions {
  const url = URL.canParse(redis) ? new URL(redis) : undefined;
  if (url === undefined || !/^rediss?:$/.test(url.protocol) || url.hostname === "")
    throw new BadInput("--redis", redis, "is no address", "write redis://127.0.0.1:6379");
  return {
    host: url.hostname,
    port: url.port === "" ? 6379 : Number(url.port),
    ...(url.username === "" ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) }),
    ...(url.protocol === "rediss:" ? { tls: {} } : {}),
    ...(url.pathname.length > 1 ? { db: Number(url.pathname.slice(1)) } : {}),
    maxRetriesPerRequest: null,
  };
}
