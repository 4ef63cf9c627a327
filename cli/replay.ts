/** `pvtwin replay`: recorded hypercall scripts on the Xen twin, compared result by result. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Command } from "commander";
import { BadInput } from "../abi/bad-input.js";
import { Explainer } from "../experiments/replay/explain.js";
import type { GuestMachine } from "../experiments/replay/guest-machine.js";
import {
  machineOf,
  type Difference,
  replayScript,
  type Result,
  runOp,
} from "../experiments/replay/replay-script.js";
import { is_pv_32bit, type Op, parseScript, type Script } from "../experiments/replay/script.js";
import { report_l4_audit } from "../xen-model/audit-log.js";
import { brokenInvariants } from "../xen-model/invariants.js";
import { exact, si } from "./numbers.js";

const HYPERCALLS: ReadonlySet<string> = new Set([
  "home",
  "update_va_mapping",
  "mmu_update",
  "mmuext",
  "multicall",
  "set_gdt",
]);

/** Hypercalls that are not timed, while the code is still being compiled. */
const WARM_UP = 2000;

/** Differences that are told one by one. */
const FIRST = 60;

interface Options {
  readonly script?: string;
  readonly explain: boolean;
  readonly json: boolean;
  readonly check: boolean;
  readonly preempt: string;
  readonly xen: string;
}

const HELP = `
Examples:
  pvtwin replay test/data/xen-4.17/*.jsonl
  pvtwin replay test/data/xen-4.17/directed.jsonl --script directed/build-pin-bottom-up --explain
  pvtwin replay test/data/xen-4.17/directed.jsonl --check --preempt 1`;

export function register(program: Command): void {
  program
    .command("replay")
    .description("Replay recorded hypercall scripts on the Xen twin, and compare every result")
    .argument("<file...>", "JSON lines of scripts")
    .option("--script <name>", "only this script")
    .option("--explain", "print each op in Xen's words, its result, and what decided it", false)
    .option("--check", "recount all references after each script: a broken invariant is a difference", false)
    .option("--preempt <n>", "hypercalls find other work pending at every n-th look; 0: never", "0")
    .option("--xen <version>", "4.17 or master", "4.17")
    .option("--json", "print one JSON document", false)
    .addHelpText("after", HELP)
    .action(async (files: string[], options: Options) => {
      const replay = new Replay(options);
      for (const file of files) await replay.file(file);
      replay.end(files);
    });
}

/** One run of the command, and what it has counted. */
class Replay {
  private readonly machines = new Map<string, GuestMachine>();
  private readonly first: Difference[] = [];
  private readonly broken: string[] = [];
  private readonly config;
  private scripts = 0;
  private ops = 0;
  private different = 0;
  private hypercalls = 0;
  private warmUp = 0;
  private seconds = 0;

  constructor(private readonly options: Options) {
    const { preempt, xen } = options;
    if (!/^\d{1,9}$/.test(preempt))
      throw new BadInput(
        "replay",
        "--preempt",
        `"${preempt}" is no whole number`,
        "give 0 for never, or 1, 2, ...",
      );
    if (xen !== "4.17" && xen !== "master")
      throw new BadInput("replay", "--xen", `"${xen}" is no version that is modelled`, "give 4.17 or master");
    this.config = { preempt: Number(preempt), version: xen } as const;
  }

  async file(file: string): Promise<void> {
    let line = 0;
    for await (const text of linesOf(file)) {
      line++;
      if (text.trim() === "") continue;
      const script = parseScript(text, file, line);
      if (this.options.script === undefined || script.name === this.options.script) this.script(script);
    }
  }

  private script(script: Script): void {
    const { explain, json, check } = this.options;
    const machine = this.machineFor(script);
    if (explain) machine.reset();
    const explainer = explain && !json ? new Explainer(machine) : undefined;
    if (explainer !== undefined) process.stdout.write(`${script.name}\n`);
    if (explainer !== undefined && script.exclusive === true)
      process.stdout.write(`       ${report_l4_audit(0, true, false)}\n`);
    const onOp = (index: number, op: Op, modelled: Result | undefined, equal: boolean): void => {
      this.ops++;
      if (!equal) this.differs({ script: script.name, op: index, recorded: op.result, modelled: modelled! });
      if (explainer !== undefined)
        process.stdout.write(`${explainer.lines(index, op, modelled, equal).join("\n")}\n`);
    };
    replayScript(machine, script, onOp, (m, op) => this.timed(m, op));
    this.scripts++;
    if (check) this.broken.push(...brokenInvariants(machine.xen).map((what) => `${script.name}: ${what}`));
  }

  /** Do an op; hypercalls are timed, and nothing else. */
  private timed(machine: GuestMachine, op: Op): Result {
    if (!HYPERCALLS.has(op.op)) return runOp(machine, op);
    const started = performance.now();
    const result = runOp(machine, op);
    const seconds = (performance.now() - started) / 1000;
    this.hypercalls += hypercallsOf(op);
    if (this.hypercalls <= WARM_UP) this.warmUp = this.hypercalls;
    else this.seconds += seconds;
    return result;
  }

  private machineFor(script: Script): GuestMachine {
    const { pages, vcpus, exclusive = false } = script;
    const key = `${pages} ${vcpus} ${is_pv_32bit(script)} ${exclusive}`;
    const machine = this.machines.get(key) ?? machineOf(script, this.config);
    this.machines.set(key, machine);
    return machine;
  }

  private differs(difference: Difference): void {
    this.different++;
    if (this.first.length < FIRST) this.first.push(difference);
  }

  end(files: string[]): void {
    const { options, scripts, ops, different, first, broken } = this;
    if (scripts === 0) {
      const what = options.script === undefined ? "holds no script" : `has no script ${options.script}`;
      throw new BadInput(files.join(", "), "", what, "name another");
    }
    const report = {
      scripts,
      ops,
      equal: ops - different,
      different,
      first,
      ...(options.check ? { broken } : {}),
    };
    process.stdout.write(
      options.json ? `${JSON.stringify(report)}\n` : told(report, options.check ? broken : undefined),
    );
    if (this.seconds > 0) {
      const rate = si((this.hypercalls - this.warmUp) / this.seconds);
      process.stderr.write(
        `${exact(this.hypercalls)} hypercalls; ${rate}/s on this machine, the first ${exact(this.warmUp)} left out\n`,
      );
    }
    process.exitCode = different === 0 && broken.length === 0 ? 0 : 1;
  }
}

/** A multicall's calls are calls too. */
function hypercallsOf(op: Op): number {
  return op.op === "multicall" ? op.calls.length : 1;
}

interface Report {
  readonly scripts: number;
  readonly ops: number;
  readonly equal: number;
  readonly different: number;
  readonly first: readonly Difference[];
}

function told(
  { scripts, ops, equal, different, first }: Report,
  broken: readonly string[] | undefined,
): string {
  const lines = [`${scripts} scripts, ${ops} ops, ${equal} equal, ${different} different`];
  if (broken !== undefined)
    lines.push(`${broken.length} broken invariants`, ...broken.map((what) => `  ${what}`));
  for (const d of first) {
    lines.push(
      `${d.script} op ${d.op}`,
      `  recorded ${JSON.stringify(d.recorded)}`,
      `  modelled ${JSON.stringify(d.modelled)}`,
    );
  }
  return `${lines.join("\n")}\n`;
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const input = createReadStream(file);
  try {
    yield* createInterface({ input, crlfDelay: Infinity });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new BadInput(file, "", `cannot be read (${code})`, "name a file of recorded scripts");
  }
}
