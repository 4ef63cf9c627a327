/** `pvtwin sweep`: many cells of work, proposals, profiles and parameters; resumed where it was left. */
import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { BadInput } from "../abi/bad-input.js";
import { BullmqEngine } from "../experiments/sweep/bullmq-engine.js";
import { type Engine, LocalEngine } from "../experiments/sweep/local-engine.js";
import { runSweep, type SweepReport } from "../experiments/sweep/run-sweep.js";
import type * as SweepSpec from "../experiments/sweep/spec.js";
import { version } from "../package.json";
import { writeOutput } from "../experiments/write-output.js";
import { growthText } from "./growth-text.js";
import { progressOn } from "./progress.js";
import { growthPage } from "./report/growth-page.js";

export function register(program: Command): void {
  program
    .command("sweep")
    .description(
      "Run the cells of a sweep, and write results.duckdb and Parquet files; run again, it does what is missing",
    )
    .argument("<file>", "a sweep: YAML, as those in experiments/sweeps/")
    .option("-o, --out <dir>", "folder of the results", "out")
    .option("-j, --workers <n>", "worker threads", wholeNumber, availableParallelism())
    .addOption(
      new Option("--engine <name>", "where the cells run").choices(["local", "bullmq"]).default("local"),
    )
    .option("--redis <url>", "with --engine bullmq: where workers started by `pvtwin worker` look for work")
    .option("--json", "print one JSON document, and nothing else", false)
    .addHelpText("after", "\nExample:\n  pvtwin sweep experiments/sweeps/switch-rates.yaml --out out\n")
    .action(async (file: string, flags: Flags) => {
      const report = await reportOf(file, flags);
      const { name, cells, done, resumed, growth } = report;
      const page = join(flags.out, "growth.html");
      if (growth.length > 0)
        writeOutput(page, growthPage(name, growth, `pvtwin sweep ${file} --out ${flags.out}`));
      else rmSync(page, { force: true }); // of an earlier sweep
      process.stdout.write(
        flags.json
          ? `${JSON.stringify(report)}\n`
          : `${name}: ${cells} cells, ${done} run now, ${resumed} there before\n` +
              growthText(growth) +
              (growth.length > 0 ? `\nAs figures: ${page}\n` : "") +
              `Ask them: pvtwin query --out ${flags.out} "select * from cells"\n`,
      );
    });
}

interface Flags {
  readonly out: string;
  readonly workers: number;
  readonly engine: "local" | "bullmq";
  readonly redis?: string;
  readonly json: boolean;
}

/** Read a sweep and run it. */
async function reportOf(file: string, flags: Flags): Promise<SweepReport> {
  const engine = engineOf(flags);
  try {
    const sweep = spec().readSweep(file, version);
    const bar = progressOn("cells", sweep.cells.length);
    return await runSweep(sweep, flags.out, engine, (done) => bar.update(done)).finally(() => bar.stop());
  } finally {
    await engine.end();
  }
}

function spec(): typeof SweepSpec {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- it takes half of the start, and threads are to be made before
  return require("../experiments/sweep/spec.js") as typeof SweepSpec;
}

function engineOf({ engine, workers, redis }: Flags): Engine {
  if (engine === "local") return new LocalEngine(workers);
  if (redis === undefined)
    throw new BadInput("--engine", "bullmq", "needs a Redis", "add --redis redis://HOST:6379");
  return new BullmqEngine(redis);
}

function wholeNumber(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1 || n > 64)
    throw new InvalidArgumentError("a whole number from 1 to 64 is needed");
  return n;
}
