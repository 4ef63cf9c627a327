/** `pvtwin check`: every interleaving of a proposal's kernel paths, within bounds. */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Command } from "commander";
import { BadInput } from "../abi/bad-input.js";
import type { Proposal } from "../abi/proposal.js";
import { renderCounterexample } from "../checker/columns.js";
import { fromIdentifier, toIdentifier } from "../checker/identifier.js";
import { toItf } from "../checker/itf.js";
import { toMochaTest } from "../checker/mocha-text.js";
import type { Model } from "../checker/model.js";
import type { FirstSeen, Progress } from "../checker/options.js";
import type { PropertyResult } from "../checker/outcome.js";
import { toTimeline } from "../checker/timeline.js";
import { checkProposal, type CheckResult } from "../experiments/check/check-proposal.js";
import { boundsFor, mutantOf, MUTANTS } from "../experiments/check/mutants.js";
import { makePvModel, type PvModel, type PvModelOptions } from "../experiments/check/pv-model.js";
import { DEFAULT_BOUNDS } from "../experiments/check/bounds.js";
import { toXtfTest } from "../experiments/check/xtf-text.js";
import { loadProposal } from "../experiments/load-proposal.js";
import { writeOutput } from "../experiments/write-output.js";
import { exact } from "./numbers.js";

interface Flags {
  readonly vcpus: string;
  readonly threads: string;
  readonly mms: string;
  readonly slots: string;
  readonly ops: string;
  readonly kthreads: string;
  readonly forks: string;
  readonly hotplugs: string;
  readonly guest?: string;
  readonly mutant?: string;
  readonly mutants: boolean;
  readonly workers?: string;
  readonly por: boolean;
  readonly symmetry: boolean;
  readonly random?: string;
  readonly depthFirst: boolean;
  readonly memory: string;
  readonly time?: string;
  readonly progress: boolean;
  readonly checkpoint?: string;
  readonly resume?: string;
  readonly replay?: string;
  readonly out?: string;
  readonly json: boolean;
}

const HELP = `
The first counterexample is written when it is seen, except with --json, --depth-first, --random, --checkpoint or --resume. What holds
is known at the end.

Exit status: 0, all properties hold; 1, one is violated, never happened, or stays open; 2, bad usage.

Examples:
  pvtwin check linux-per-mm-vcpu --threads 2 --mms 1 --slots 1 --ops 1
  pvtwin check linux-per-mm-vcpu --threads 1 --mms 1 --hotplugs 1
  pvtwin check --mutants`;

export function register(program: Command): void {
  const d = DEFAULT_BOUNDS;
  program
    .command("check")
    .description("Explore the interleavings of a proposal's kernel paths, step by step")
    .argument("[proposal]", "its name, or a YAML file")
    .option("--vcpus <n>", "vCPUs", String(d.vcpus))
    .option("--threads <n>", "threads", String(d.threads))
    .option("--mms <n>", "processes that they belong to", String(d.mms))
    .option("--slots <n>", "top-level slots that a process uses", String(d.slots))
    .option("--ops <n>", "memory operations of each thread", String(d.ops))
    .option("--kthreads <n>", "kernel threads that use a process's tables for a while", "0")
    .option("--forks <n>", "forks and execs in all; with any, threads may exit too", "0")
    .option("--hotplugs <n>", "times that a vCPU goes down, and may come up again, in all", "0")
    .option(
      "--guest <kind>",
      "linux, or any: a guest that does what it likes, so that what holds is Xen's doing",
    )
    .option("--mutant <name>", "with this break of the design")
    .option("--mutants", "list the mutants, and what must catch each", false)
    .option(
      "--workers <n>",
      "threads to explore on (default: one, and after 4 s as many as there are CPUs; 1 with a checkpoint)",
    )
    .option("--no-por", "without partial-order reduction")
    .option("--no-symmetry", "without symmetry reduction")
    .option("--random <seed>", "random schedules instead of all")
    .option("--depth-first", "depth first: less memory, longer counterexamples", false)
    .option("--memory <MB>", "memory that the explorer may take", "2048")
    .option("--time <s>", "seconds after which it ends, and tells what was covered")
    .option("--no-progress", "without what must happen in the end: that takes one thread, and no reductions")
    .option("--checkpoint <file>", "write how far it is to this file, now and then")
    .option("--resume <file>", "go on from such a file, with the same options")
    .option("--replay <id>", "print the run that an identifier names")
    .option(
      "--out <dir>",
      "write each counterexample as ITF, timeline and mocha test, and for any guest as an XTF test",
    )
    .option("--json", "print one JSON document, and nothing else", false)
    .addHelpText("after", HELP)
    .action(async (proposal: string | undefined, flags: Flags) => {
      if (flags.mutants) return listMutants();
      if (flags.replay !== undefined) return replay(flags.replay);
      if (proposal === undefined)
        throw new BadInput("check", "", "names no proposal", "give one, or --mutants");
      await check(proposal, flags);
    });
}

async function check(name: string, flags: Flags): Promise<void> {
  const proposal = loadProposal(name);
  const asked = {
    vcpus: count("--vcpus", flags.vcpus),
    threads: count("--threads", flags.threads),
    mms: count("--mms", flags.mms),
    slots: count("--slots", flags.slots),
    ops: count("--ops", flags.ops),
    ...(flags.kthreads === "0" ? {} : { kthreads: count("--kthreads", flags.kthreads) }),
    ...(flags.forks === "0" ? {} : { forks: count("--forks", flags.forks) }),
    ...(flags.hotplugs === "0" ? {} : { hotplugs: count("--hotplugs", flags.hotplugs) }),
  };
  const { mutant } = flags;
  const sizes = boundsFor(asked, mutant);
  const guest = flags.guest ?? mutantOf(mutant).guest ?? "linux";
  if (guest !== "linux" && guest !== "any")
    throw new BadInput("--guest", guest, "is no guest", "give linux or any");
  if (flags.resume !== undefined && !existsSync(flags.resume))
    throw new BadInput("--resume", flags.resume, "is no file", "name a file that --checkpoint wrote");
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once("SIGINT", interrupt);
  const timer =
    flags.time === undefined ? undefined : setTimeout(interrupt, 1000 * count("--time", flags.time));
  const options: PvModelOptions = {
    proposal,
    bounds: sizes,
    guest,
    ...(mutant === undefined ? {} : { mutant }),
  };
  let first: PropertyResult | undefined;
  const tellFirst = (found: FirstSeen): void => {
    first = found.result;
    if (process.stderr.isTTY) process.stderr.write(CLEAR_LINE);
    process.stdout.write(firstText(found, options));
  };
  const result = await checkProposal({
    proposal,
    sizes,
    guest,
    ...(mutant === undefined ? {} : { mutant }),
    workers: workersOf(flags),
    ...(flags.workers === undefined ? { aloneMs: ALONE_MS } : {}),
    partialOrder: flags.por,
    symmetry: flags.symmetry,
    strategy: flags.random !== undefined ? "random" : flags.depthFirst ? "depth-first" : "breadth-first",
    ...(flags.random === undefined ? {} : { seed: count("--random", flags.random) }),
    maxBytes: count("--memory", flags.memory) * 2 ** 20,
    progress: flags.progress,
    ...(flags.checkpoint === undefined ? {} : { checkpoint: flags.checkpoint }),
    ...(flags.resume === undefined ? {} : { resume: flags.resume }),
    signal: stop.signal,
    ...(flags.json ? {} : { onFirst: tellFirst }),
    ...(process.stderr.isTTY ? { onProgress: showProgress } : {}),
  });
  process.removeListener("SIGINT", interrupt);
  clearTimeout(timer);
  if (process.stderr.isTTY) process.stderr.write(CLEAR_LINE);
  if (flags.out !== undefined) writeAll(flags.out, options, result);
  process.stdout.write(flags.json ? json(options, result) : text(options, result, first));
  process.exitCode = result.verdict === "holds" ? 0 : 1;
}

/**
 * Where nobody says how many threads, others come after so many milliseconds: while V8 compiles what the first one runs, they
 * would be in its compiler's way.
 */
const ALONE_MS = 4000;

/** More would each make a machine of its own for little. */
const MOST_WORKERS = 64;

function workersOf({ workers, checkpoint, resume }: Flags): number {
  if (workers === undefined) return (checkpoint ?? resume) === undefined ? availableParallelism() : 1;
  const n = count("--workers", workers);
  if (n < 1 || n > MOST_WORKERS)
    throw new BadInput("--workers", workers, "is out of range", `give 1 to ${MOST_WORKERS}`);
  return n;
}

function count(flag: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new BadInput(flag, text, "is no number", "give a whole number");
  return Number(text);
}

/** Of a terminal: where the progress was shown. */
const CLEAR_LINE = "\r\x1b[K";

function showProgress({ depth, generated, distinct, rate, queue }: Progress): void {
  const speed = `${exact(Math.round(rate))}/s`;
  process.stderr.write(
    `${CLEAR_LINE}depth ${depth}, ${exact(generated)} generated, ${exact(distinct)} distinct, ${speed}, ${exact(queue)} wait`,
  );
}

function listMutants(): void {
  const lines = Object.entries(MUTANTS).map(
    ([name, { says, caughtBy, on }]) => `${name}\n  ${says}\n  caught by ${caughtBy}; on ${on.join(", ")}\n`,
  );
  process.stdout.write(`${lines.join("\n")}`);
}

/** What is written before the end: the first counterexample. */
function firstText({ model, result, states }: FirstSeen, options: PvModelOptions): string {
  const nrActions = result.counterexample!.actions.length;
  const head = `First seen, after ${exact(states)} states: ${nrActions} actions; whether fewer do is looked for.`;
  return `${[head, "", ...tableOf(model, options, result)].join("\n")}\n\n`;
}

function tableOf(model: Model, options: PvModelOptions, property: PropertyResult): string[] {
  const { actions, loop } = property.counterexample!;
  const id = idOf(options, actions, loop);
  return [renderCounterexample(model, property).trimEnd(), "", `pvtwin check --replay ${id}`];
}

/** `first`: what was written before the end; not written again where the exploration has found none with fewer actions. */
function text(options: PvModelOptions, result: CheckResult, first?: PropertyResult): string {
  const { proposal, mutant, verdict, bounds, states, transitions, depth, seconds, properties, model } =
    result;
  const lines = [
    `${proposal}${mutant === undefined ? "" : `, mutant ${mutant}`}: ${verdict}`,
    `${bounds.vcpus} vCPUs, ${bounds.threads} threads of ${bounds.mms} processes, ${bounds.slots} slots, ` +
      `${bounds.ops} operations a thread`,
    `${exact(states)} states, ${exact(transitions)} transitions, ${depth} deep, ${seconds.toFixed(1)} s`,
    "",
    ...properties.map(
      ({ name, kind, verdict: one, says }) =>
        `${one.padEnd(9)} ${kind.padEnd(11)} ${name}\n${" ".repeat(22)}${says}`,
    ),
  ];
  for (const property of properties) {
    if (property.counterexample === undefined) continue;
    const { length } = property.counterexample.actions;
    if (property.name === first?.name && length >= first.counterexample!.actions.length)
      lines.push(
        "",
        `${property.name}: the exploration has found none of fewer actions than the first; see above.`,
      );
    else lines.push("", ...tableOf(model, options, property));
  }
  lines.push("", ...result.soundness);
  return `${lines.join("\n")}\n`;
}

function json(options: PvModelOptions, result: CheckResult): string {
  const { soundness, properties, model, ...rest } = result;
  const document = {
    ...rest,
    properties: properties.map(({ name, says, kind, verdict, counterexample }) => ({
      name,
      kind,
      says,
      verdict,
      ...(counterexample === undefined
        ? {}
        : {
            counterexample: {
              actions: counterexample.actions.map((action) => ({
                process: model.processes[model.actions[action]!.process],
                name: model.actions[action]!.name,
              })),
              ...(counterexample.loop === undefined ? {} : { loop: counterexample.loop }),
              replay: idOf(options, counterexample.actions, counterexample.loop),
            },
          }),
    })),
    soundness,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** An identifier has the options of the model in it; of a proposal that comes along, its name is enough. */
function idOf(options: PvModelOptions, actions: readonly number[], loop: number | undefined): string {
  const { proposal } = options;
  const short = isBundled(proposal) ? { ...options, proposal: proposal.name } : options;
  return toIdentifier({ options: short, actions, ...(loop === undefined ? {} : { loop }) });
}

function isBundled(proposal: Proposal): boolean {
  try {
    return isDeepStrictEqual(loadProposal(proposal.name), proposal);
  } catch {
    return false; // a file's
  }
}

function replay(id: string): void {
  let run;
  try {
    run = fromIdentifier(id);
  } catch (error) {
    throw new BadInput("--replay", "", (error as Error).message, "copy the identifier whole");
  }
  const named = run.options as PvModelOptions;
  const model = makePvModel({ ...named, proposal: loadProposal(named.proposal) });
  const { actions, loop } = run;
  for (const action of actions)
    if (model.actions[action] === undefined)
      throw new BadInput("--replay", "", "is of another version", "check again");
  const violated = violatedBy(model, actions);
  const property: PropertyResult = {
    ...(violated ?? { name: model.name, says: "a run that ends in no violation", kind: "always" as const }),
    verdict: "violated",
    counterexample: { actions, ...(loop === undefined ? {} : { loop }) },
  };
  process.stdout.write(renderCounterexample(model, property));
  process.exitCode = violated === undefined ? 0 : 1;
}

/** What does not hold in the state behind `actions`. */
function violatedBy(model: PvModel, actions: readonly number[]): PropertyResult | undefined {
  model.initial();
  for (const action of actions) model.run(action);
  const property = model.properties.find(({ kind, holds }) => kind !== "sometimes" && !holds());
  if (property === undefined) return undefined;
  const { name, says, kind } = property;
  return { name, says, kind, verdict: "violated" };
}

function writeAll(dir: string, options: PvModelOptions, result: CheckResult): void {
  const { model } = result;
  for (const property of result.properties) {
    const { counterexample, name, says } = property;
    if (counterexample === undefined) continue;
    const stem = join(dir, `${model.name.replace(/[^a-z0-9]+/g, "-")}.${name}`);
    writeOutput(`${stem}.itf.json`, `${JSON.stringify(toItf(model, counterexample, says), null, 1)}\n`);
    writeOutput(`${stem}.timeline.json`, `${JSON.stringify(toTimeline(model, counterexample))}\n`);
    if (options.guest === "any")
      writeOutput(`${stem}.xtf.c`, toXtfTest(model, counterexample, name.toLowerCase(), says));
    writeOutput(
      `${stem}.test.ts`,
      toMochaTest(model, property, {
        imports: [`import { makePvModel } from "pvtwin";`],
        makeModel: `makePvModel(${JSON.stringify(options)})`,
      }),
    );
  }
}
