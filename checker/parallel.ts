/**
 * Breadth-first exploration on several threads: the same counts, verdicts and counterexamples as on one.
 *
 * This thread begins at once, and is one of them. The others come when they have made their models: an exploration that is over
 * by then needs none.
 */
import { Worker } from "node:worker_threads";
import { exploreBreadthFirst } from "./breadth-first.js";
import { mostAdded } from "./expander.js";
import { LevelWorker, type WorkerTask } from "./level-worker.js";
import type { Model, ModelSource } from "./model.js";
import { makeModel } from "./model-source.js";
import { boundsOf, type ExploreOptions } from "./options.js";
import { type Outcome, outcomeOf } from "./outcome.js";
import { withoutSymmetry } from "./run-path.js";
import { EVERY_MS } from "./search.js";
import { bytesOfSet, SeenSet } from "./seen-set.js";
import { CTL, ENDS, reserveShared, Shared, TALLY } from "./shared-search.js";
import { Namer, StateBytes, strideOf } from "./state-bytes.js";
import { Trail, TRAIL_BYTES } from "./trail.js";

/**
 * Explore the model of `source` on `workers` threads; `model`: one that this thread has made already. One thread, or `eventually` properties, whose search is one
 * thread's: in this thread.
 */
export async function exploreParallel(
  source: ModelSource,
  workers: number,
  options: ExploreOptions = {},
  model: Model = makeModel(source),
): Promise<Outcome> {
  const progress = model.properties.some(({ kind }) => kind === "eventually");
  if (workers < 2 || progress) return exploreBreadthFirst(model, options);
  if ((options.checkpoint ?? options.resume) !== undefined) {
    throw new RangeError("checkpoints are of one thread; explore with one worker, or without");
  }
  const began = performance.now();
  const bounds = boundsOf(options);
  const stride = strideOf(model);
  const partialOrder = options.partialOrder !== false && model.local !== undefined;
  const symmetry = options.symmetry !== false;
  const namer = new Namer(model, symmetry);
  const nrProperties = model.properties.length;
  const memory = reserveShared(bounds.maxBytes, stride, workers, nrProperties, mostAdded(model));
  const shared = new Shared(memory);
  model.initial();
  const first = new StateBytes(memory.frontiers[0]);
  const set = new SeenSet(memory.set);
  namer.store(first, 0);
  set.hash(first.words, 0, stride / 4);
  set.add(0);
  shared.begin();
  const tasks = Array.from({ length: workers }, (_, index): WorkerTask => {
    return { source, memory, index, bounds, partialOrder, symmetry, until: options.until };
  });
  await runAll(new LevelWorker(model, tasks[0]!), tasks.slice(1), shared, set, options);

  const { control } = shared;
  const ended = ENDS[control[CTL.ended]! - 1]!;
  const violated = ended === "violated";
  if (!violated) shared.settle([]); // of a level that was not finished
  const settled = shared.violators(workers);
  const states = violated ? control[CTL.statesBefore]! : set.size;
  return outcomeOf(model, {
    ended,
    bounds,
    states,
    transitions: violated ? shared.before(TALLY.transitions) : shared.total(TALLY.transitions),
    ends: violated ? shared.before(TALLY.ends) : shared.total(TALLY.ends),
    depth: control[CTL.depth]!,
    began,
    partialOrder,
    symmetries: namer.reduces ? model.symmetries! : 0,
    hashes: states,
    seenBytesPerState: bytesOfSet(states) / states + TRAIL_BYTES,
    seen: new Int32Array(memory.seen),
    progress: true,
    counterexample(property) {
      const violator = settled[property]!;
      if (violator === 0) return undefined;
      const path = new Trail(memory.trail).actionsTo(violator - 1);
      return { actions: namer.reduces ? withoutSymmetry(model, path) : path };
    },
  });
}

/** Work as `me`, and have `tasks` done beside it, until the exploration ends. Errors: those of the first thread that has one. */
async function runAll(
  me: LevelWorker,
  tasks: readonly WorkerTask[],
  shared: Shared,
  set: SeenSet,
  options: ExploreOptions,
): Promise<void> {
  const { control } = shared;
  const { everyMs = EVERY_MS, aloneMs = 0, together = false, signal, onProgress } = options;
  const others = new Others(tasks);
  const comeAt = performance.now() + aloneMs;
  try {
    if (together || aloneMs === 0) others.come();
    if (together) {
      while (control[CTL.asked]! <= tasks.length) await others.turn();
      Atomics.store(control, CTL.present, control[CTL.asked]!);
      shared.endMeeting();
    }
    let last = { at: performance.now(), distinct: set.size };
    while (!me.run(performance.now() + everyMs)) {
      const at = performance.now();
      if (at >= comeAt) others.come();
      const distinct = set.size;
      const rate = ((distinct - last.distinct) / (at - last.at)) * 1000;
      last = { at, distinct };
      const queue = distinct - control[CTL.statesBefore]!;
      const generated = shared.total(TALLY.transitions);
      onProgress?.({ depth: control[CTL.depth]!, generated, distinct, rate, queue });
      await others.turn();
      if (signal?.aborted === true) control[CTL.stop] = control[CTL.call] = 1;
    }
    if (control[CTL.failed] !== 0) await others.failure;
    shared.waitForOthers();
  } finally {
    await others.end();
  }
}

/** The other threads. */
class Others {
  /** Rejected with the first error of one of them. */
  readonly failure: Promise<never>;
  private readonly threads: Worker[] = [];
  private fail!: (error: Error) => void;

  constructor(private readonly tasks: readonly WorkerTask[]) {
    this.failure = new Promise((_, reject) => (this.fail = reject));
    this.failure.catch(() => undefined); // who asks hears of it
  }

  /** Ask for them, if that was not done yet. */
  come(): void {
    const { tasks, threads } = this;
    if (threads.length > 0) return;
    const file = require.resolve("./worker.js");
    const isTs = [file, ...tasks.map(({ source }) => source.module)].some((name) => name.endsWith(".ts"));
    const execArgv = isTs ? ["-r", require.resolve("ts-node/register")] : [];
    for (const workerData of tasks) {
      const thread = new Worker(file, { workerData, execArgv });
      thread.once("error", this.fail);
      threads.push(thread);
    }
  }

  /** Let timers, signals and errors have their turn. */
  async turn(): Promise<void> {
    await Promise.race([this.failure, new Promise((resume) => setImmediate(resume))]);
  }

  async end(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.terminate()));
  }
}
