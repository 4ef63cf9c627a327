/** `pvtwin sweep`: many cells of work, proposals, profiles and parameters; resumed where it was left. */
import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { BadInput } from "../abi/bad-input.js";
import { bullmqEngine } from "../experiments/sweep/bullmq-engine.js";
import { type Engine, localEngine } from "../experiments/sweep/local-engine.js";
import { runSweep } from "../experiments/sweep/run-sweep.js";
import { readSweep } from "../experiments/sweep/spec.js";
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
      const sweep = readSweep(file, version);
      const bar = progressOn("cells", sweep.cells.length);
      const engine = engineOf(flags);
      const report = await runSweep(sweep, flags.out, engine, (done) => bar.update(done)).finally(() =>
        bar.stop(),
      );
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

function engineOf({ engine, workers, redis }: Flags): Engine {
  if (engine === "local") return localEngine(workers);
  if (redis === undefined)
    throw new BadInput("--engine", "bullmq", "needs a Redis", "add --redis redis://HOST:6379");
  return bullmqEngine(redis);
}

function wholeNumber(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1 || n > 64)
    throw new InvalidArgumentError("a whole number from 1 to 64 is needed");
  return n;
}
