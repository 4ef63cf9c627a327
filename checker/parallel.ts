/**
 * Breadth-first exploration on several threads: the same counts, verdicts and counterexamples as on one.
 *
 * This thread only waits: it tells how far the others are, and hands a signal on.
 */
import { Worker } from "node:worker_threads";
import { exploreBreadthFirst } from "./breadth-first.js";
import { mostAdded } from "./expander.js";
import type { ModelSource } from "./model.js";
import { makeModel } from "./model-source.js";
import { boundsOf, type ExploreOptions } from "./options.js";
import { type Outcome, outcomeOf } from "./outcome.js";
import { withoutSymmetry } from "./run-path.js";
import { EVERY_MS } from "./search.js";
import { SeenSet } from "./seen-set.js";
import { CTL, ENDS, reserveShared, Shared, TALLY } from "./shared-search.js";
import { Namer, StateBytes, strideOf } from "./state-bytes.js";
import { Trail, TRAIL_BYTES } from "./trail.js";
import type { WorkerTask } from "./worker.js";

/**
 * Explore the model of `source` on `workers` threads. One thread, or `eventually` properties, whose search is one
 * thread's: in this thread.
 */
export async function exploreParallel(
  source: ModelSource,
  workers: number,
  options: ExploreOptions = {},
): Promise<Outcome> {
  const model = makeModel(source);
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
  await runAll(tasks, shared, set, options);

  const { control } = shared;
  const ended = ENDS[control[CTL.ended]! - 1]!;
  const violated = ended === "violated";
  if (!violated) shared.settle([]); // of a level that was not finished
  const settled = shared.violators(workers);
  return outcomeOf(model, {
    ended,
    bounds,
    states: violated ? control[CTL.statesBefore]! : set.size,
    transitions: violated ? shared.before(TALLY.transitions) : shared.total(TALLY.transitions),
    ends: violated ? shared.before(TALLY.ends) : shared.total(TALLY.ends),
    depth: control[CTL.depth]!,
    began,
    partialOrder,
    symmetries: namer.reduces ? model.symmetries! : 0,
    hashes: set.size,
    seenBytesPerState: set.bytes / set.size + TRAIL_BYTES,
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

/** Run all tasks to their end, telling how far they are. Errors: those of the first worker that has one. */
async function runAll(
  tasks: readonly WorkerTask[],
  shared: Shared,
  set: SeenSet,
  options: ExploreOptions,
): Promise<void> {
  const { control } = shared;
  const file = require.resolve("./worker.js");
  const execArgv = file.endsWith(".ts") ? ["-r", require.resolve("ts-node/register")] : [];
  const threads = tasks.map((workerData) => new Worker(file, { workerData, execArgv }));
  let last = { at: performance.now(), distinct: set.size };
  const timer = setInterval(() => {
    const at = performance.now();
    const distinct = set.size;
    const rate = ((distinct - last.distinct) / (at - last.at)) * 1000;
    last = { at, distinct };
    const queue = distinct - control[CTL.statesBefore]!;
    const generated = shared.total(TALLY.transitions);
    options.onProgress?.({ depth: control[CTL.depth]!, generated, distinct, rate, queue });
    if (options.signal?.aborted !== true) return;
    control[CTL.stop] = 1;
    control[CTL.call] = 1;
  }, options.everyMs ?? EVERY_MS);
  try {
    await Promise.all(
      threads.map(
        (thread) =>
          new Promise<void>((resolve, reject) => {
            thread.once("error", reject);
            thread.once("exit", () => resolve());
          }),
      ),
    );
  } finally {
    clearInterval(timer);
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}
