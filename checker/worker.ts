/**
 * A worker thread's entry: makes its own model, and works on the memory that it was given, from when it is let in.
 */
import { workerData } from "node:worker_threads";
import { LevelWorker, type WorkerTask } from "./level-worker.js";
import { makeModel } from "./model-source.js";
import { Shared } from "./shared-search.js";

const task = workerData as WorkerTask;
const shared = new Shared(task.memory);
try {
  const worker = new LevelWorker(makeModel(task.source), task);
  if (worker.join()) {
    worker.run();
    shared.leave();
  }
} catch (error) {
  shared.fail();
  throw error;
}
