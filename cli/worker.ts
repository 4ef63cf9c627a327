/** `pvtwin worker`: serves the queue of `pvtwin sweep --engine bullmq` on this host, until it is stopped. */
import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError } from "commander";
import { serveQueue } from "../experiments/sweep/bullmq-engine.js";

export function register(program: Command): void {
  program
    .command("worker")
    .description(
      "Work for sweeps with --engine bullmq, on this host, until SIGINT or SIGTERM; what it leaves goes to another",
    )
    .requiredOption("--redis <url>", "the Redis that the sweep names")
    .option("-j, --workers <n>", "worker threads", wholeNumber, availableParallelism())
    .action(async (flags: { redis: string; workers: number }) => {
      const stopped = new Promise<void>((resolve) => {
        for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
      });
      const told = (what: string): void => void process.stderr.write(`${what}\n`);
      await serveQueue(flags.redis, flags.workers, process.stderr.isTTY ? told : () => undefined, stopped);
    });
}

function wholeNumber(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1 || n > 64)
    throw new InvalidArgumentError("a whole number from 1 to 64 is needed");
  return n;
}
