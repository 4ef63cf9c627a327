/** `pvtwin rerun`: an evaluation again from its results.json alone; the same, apart from the host's field? */
import { join } from "node:path";
import type { Command } from "commander";
import { evaluate } from "../experiments/evaluate.js";
import { readResults, withoutHost } from "../experiments/rerun.js";
import { writeOutput } from "../experiments/write-output.js";
import { kernelOption } from "./kernel-option.js";
import { progressOn } from "./progress.js";
import { renderReport } from "./report/report.js";

export function register(program: Command): void {
  program
    .command("rerun")
    .description("Run an evaluation again from its results.json, and compare the two")
    .argument("<results>", "results.json of pvtwin evaluate")
    .option("-o, --out <dir>", "write report.html and results.json there")
    .option("--json", "print the new results as one JSON document, and nothing else", false)
    .addHelpText(
      "after",
      "\nExample:\n  pvtwin evaluate shared xpti --workload recordings/thread_storm.perf.txt.gz --out out\n" +
        "  pvtwin rerun out/results.json\n",
    )
    .action(async (file: string, flags: { out?: string; json: boolean }) => {
      const { options, kernel, results } = readResults(file);
      const bar = progressOn("recordings", options.workloads.length);
      const result = await evaluate({
        ...options,
        workers: 2,
        onProgress: (done) => bar.update(done),
        ...(kernel === undefined ? {} : { kernel: await kernelOption(kernel) }),
      }).finally(() => bar.stop());
      if (flags.out !== undefined) {
        writeOutput(join(flags.out, "results.json"), `${JSON.stringify(result, null, 1)}\n`);
        writeOutput(join(flags.out, "report.html"), renderReport(result));
      }
      const same = withoutHost(result) === results;
      if (flags.json) process.stdout.write(`${JSON.stringify(result)}\n`);
      else {
        const words = same ? "the same, byte for byte, apart from host" : "NOT the same";
        process.stdout.write(`${file}: ${words} (pvtwin ${result.pvtwin}, seed ${result.seed})\n`);
      }
      process.exitCode = same ? 0 : 1;
    });
}
