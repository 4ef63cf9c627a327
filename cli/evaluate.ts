/** `pvtwin evaluate`: the main job. All proposals on all workloads; a table, report.html and results.json. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { BadInput } from "../abi/bad-input.js";
import { evaluate, type EvaluateOptions } from "../experiments/evaluate.js";
import { writeOutput } from "../experiments/write-output.js";
import { BUNDLED } from "../experiments/bundled.js";
import type { Evaluation } from "../experiments/results.js";
import { SAME_WORK_PROPOSALS } from "../experiments/same-work.js";
import { progressOn } from "./progress.js";
import { renderReport } from "./report/report.js";
import { renderSameWork } from "./same-work.js";
import { renderTable } from "./table.js";
import { renderMail } from "./mail.js";
import { kernelOption } from "./kernel-option.js";
import { withPatches } from "./patch-totals.js";
import { damageWarnings } from "./warnings.js";

export function register(program: Command): void {
  program
    .command("evaluate")
    .description("Run proposals on recorded work: who keeps the promise, and at which cost")
    .argument("[proposal...]", "names of proposals, or YAML files; none: all")
    .option("-w, --workload <file...>", "recordings; none: those that come along")
    .option("-k, --kernel <image>", "a kernel image: could this guest negotiate the flag?")
    .option("--linux <dir>", "a Linux source tree: what would the proposals' patches touch?")
    .option("--xen <dir>", "a Xen source tree, likewise")
    .option("-p, --profile <name>", "cost profile, by name or YAML file", "skylake-pcid")
    .option("--seed <n>", "of the draws of the prices", seedNumber, 0)
    .option("-o, --out <dir>", "write report.html and results.json there")
    .option("-j, --workers <n>", "worker threads", wholeNumber, Math.min(2, availableParallelism()))
    .addOption(
      new Option("-q, --question <name>", "one question instead of the table").choices(["same-work"]),
    )
    .option("--strict", "refuse a recording with any damage", false)
    .option("--mail", "print a summary of 72 columns, to paste into a mail", false)
    .option("--json", "print one JSON document, and nothing else", false)
    .addHelpText(
      "after",
      "\nExamples:\n  pvtwin evaluate shared xpti --workload recordings/thread_storm.perf.txt.gz --out out\n" +
        "  pvtwin evaluate --question same-work --workload recordings/thread_storm.perf.txt.gz\n",
    )
    .action(async (proposals: string[], flags: Flags) => {
      const files = flags.workload ?? BUNDLED;
      const bar = progressOn("recordings", files.length);
      const asked = flags.question === "same-work" && proposals.length === 0;
      const options: EvaluateOptions = {
        proposals: asked ? SAME_WORK_PROPOSALS : proposals,
        workloads: files,
        profile: flags.profile,
        strict: flags.strict,
        seed: flags.seed,
        workers: flags.workers,
        onProgress: (done) => bar.update(done),
        ...(flags.kernel === undefined ? {} : { kernel: await kernelOption(flags.kernel) }),
      };
      const measured = await evaluate(options).finally(() => bar.stop());
      for (const workload of measured.workloads)
        process.stderr.write(damageWarnings(workload.file, workload));
      const { linux, xen } = flags;
      const result =
        linux === undefined && xen === undefined
          ? measured
          : withPatches(measured, {
              ...(linux === undefined ? {} : { linux }),
              ...(xen === undefined ? {} : { xen }),
            });
      if (flags.out !== undefined) {
        writeOutput(join(flags.out, "results.json"), `${JSON.stringify(result, null, 1)}\n`);
        writeOutput(join(flags.out, "report.html"), renderReport(result));
      }
      if (flags.question === "same-work") return printSameWork(result, flags.json);
      if (flags.json) process.stdout.write(`${JSON.stringify(result)}\n`);
      else if (flags.mail) process.stdout.write(renderMail(result));
      else {
        process.stdout.write(renderTable(result));
        if (flags.out !== undefined) process.stdout.write(`\nReport: ${join(flags.out, "report.html")}\n`);
      }
    });
}

/** Errors: BadInput where the proposals are all of one side. */
function printSameWork({ sameWork }: Evaluation, json: boolean): void {
  if (sameWork === undefined) {
    const remedy = `name none, or one of each, as ${SAME_WORK_PROPOSALS[0]} and xen-vcpu-root`;
    throw new BadInput("--question same-work", "", "needs a proposal in Linux and one in Xen", remedy);
  }
  process.stdout.write(
    json ? `${JSON.stringify({ question: "same-work", ...sameWork })}\n` : renderSameWork(sameWork),
  );
}

interface Flags {
  question?: string;
  workload?: string[];
  kernel?: string;
  linux?: string;
  xen?: string;
  profile: string;
  seed: number;
  out?: string;
  workers: number;
  strict: boolean;
  mail: boolean;
  json: boolean;
}

function wholeNumber(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1 || n > 64)
    throw new InvalidArgumentError("a whole number from 1 to 64 is needed");
  return n;
}

function seedNumber(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 0 || n > 0xffffffff)
    throw new InvalidArgumentError("a whole number from 0 to 4294967295 is needed");
  return n;
}
