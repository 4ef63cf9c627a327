/**
 * A worker thread's entry: makes its own model, and works on the memory that it was given.
 */
import { workerData } from "node:worker_threads";
import { LevelWorker } from "./level-worker.js";
import type { ModelSource } from "./model.js";
import { makeModel } from "./model-source.js";
import type { Bounds } from "./outcome.js";
import { SeenSet } from "./seen-set.js";
import { Shared, type SharedMemory } from "./shared-search.js";
import { Namer } from "./state-bytes.js";
import { Trail } from "./trail.js";
import { Watch } from "./watch.js";

/** What a worker is told. */
export interface WorkerTask {
  readonly source: ModelSource;
  readonly memory: SharedMemory;
  readonly index: number;
  readonly bounds: Bounds;
  readonly partialOrder: boolean;
  readonly symmetry: boolean;
  readonly until: readonly string[] | undefined;
}

const { source, memory, index, bounds, partialOrder, symmetry, until } = workerData as WorkerTask;
const model = makeModel(source);
const shared = new Shared(memory);
const parts = {
  model,
  namer: new Namer(model, symmetry),
  watch: new Watch(model, until, memory.seen, shared.violators(index)),
  set: new SeenSet(memory.set),
  trail: new Trail(memory.trail),
  graph: undefined,
  partialOrder,
};
new LevelWorker(parts, shared, index, bounds).run();
