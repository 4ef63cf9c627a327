/** `pvtwin replay`: recorded hypercall scripts on the Xen twin, compared result by result. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Command } from "commander";
import { BadInput } from "../abi/bad-input.js";
import { GuestMachine } from "../experiments/replay/guest-machine.js";
import { type Difference, replayScript } from "../experiments/replay/replay-script.js";
import { parseScript } from "../experiments/replay/script.js";
import { refusalLine } from "../xen-model/audit-log.js";

const FIRST = 60;

export function register(program: Command): void {
  program
    .command("replay")
    .description("Replay recorded hypercall scripts on the Xen twin, and compare every result")
    .argument("<file...>", "JSON lines of scripts")
    .option("--script <name>", "only this script")
    .option("--explain", "print each op, its result, and the rule that refused it", false)
    .option("--json", "print one JSON document, and nothing else", false)
    .addHelpText(
      "after",
      "\nExample:\n  pvtwin replay test/data/xen-4.17/directed.jsonl --script directed/build-pin-bottom-up --explain\n",
    )
    .action(async (files: string[], flags: { script?: string; explain: boolean; json: boolean }) => {
      const machines = new Map<number, GuestMachine>();
      const first: Difference[] = [];
      let [scripts, ops, different] = [0, 0, 0];
      for (const file of files) {
        let line = 0;
        for await (const text of linesOf(file)) {
          line++;
          if (text.trim() === "") continue;
          const script = parseScript(text, file, line);
          if (flags.script !== undefined && script.name !== flags.script) continue;
          scripts++;
          const machine = machines.get(script.pages) ?? new GuestMachine(script.pages);
          machines.set(script.pages, machine);
          machine.xen.log.enabled = flags.explain;
          if (flags.explain && !flags.json) process.stdout.write(`${script.name}\n`);
          replayScript(machine, script, (index, op, modelled, equal) => {
            ops++;
            if (!equal) {
              different++;
              if (first.length < FIRST)
                first.push({ script: script.name, op: index, recorded: op.result, modelled: modelled! });
            }
            if (flags.explain && !flags.json) explain(machine, index, op, modelled, equal);
          });
        }
      }
      if (scripts === 0) {
        throw new BadInput(
          files.join(", "),
          "",
          flags.script === undefined ? "holds no script" : `has no script ${flags.script}`,
          "name another",
        );
      }
      if (flags.json)
        process.stdout.write(
          `${JSON.stringify({ scripts, ops, equal: ops - different, different, first })}\n`,
        );
      else {
        process.stdout.write(
          `${scripts} scripts, ${ops} ops, ${ops - different} equal, ${different} different\n`,
        );
        for (const d of first) {
          process.stdout.write(
            `${d.script} op ${d.op}\n  recorded ${JSON.stringify(d.recorded)}\n  modelled ${JSON.stringify(d.modelled)}\n`,
          );
        }
      }
      process.exitCode = different === 0 ? 0 : 1;
    });
}

function explain(
  machine: GuestMachine,
  index: number,
  op: object,
  modelled: object | undefined,
  equal: boolean,
): void {
  const { result: _result, ...rest } = op as Record<string, unknown>;
  process.stdout.write(`${String(index).padStart(4)} ${equal ? " " : "!"} ${JSON.stringify(rest)}\n`);
  process.stdout.write(
    `       ${modelled === undefined ? "skipped when it was recorded" : JSON.stringify(modelled)}\n`,
  );
  for (const refusal of machine.xen.log.refusals.splice(0))
    process.stdout.write(`       ${refusalLine(refusal)}\n`);
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const input = createReadStream(file);
  try {
    yield* createInterface({ input, crlfDelay: Infinity });
  } catch (error) {
    throw new BadInput(
      file,
      "",
      `cannot be read (${(error as NodeJS.ErrnoException).code})`,
      "name a file of recorded scripts",
    );
  }
}
