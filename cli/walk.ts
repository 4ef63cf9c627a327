/** `pvtwin walk`: one pagetable walk, printed as Xen prints one; or recorded walks, compared. */
import { createReadStream, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Command } from "commander";
import { BadInput } from "../abi/bad-input.js";
import { CaseRunner, parseCase, sameResult, type WalkResult } from "../xen-model/hw/walk-cases.js";

export function register(program: Command): void {
  program
    .command("walk")
    .description("Walk pagetables as the processor does")
    .argument("[scenario]", "JSON file with one case: tables, cr3, mode, access, ...")
    .argument("[va]", "linear address; default: the scenario's")
    .option("--cases <file...>", "JSON lines of recorded walks, to be compared")
    .option("--json", "print one JSON document, and nothing else", false)
    .addHelpText("after", "\nExample:\n  pvtwin walk --cases test/data/x86-walk/directed-sample.jsonl\n")
    .action(async (scenario: string | undefined, va: string | undefined, flags: { cases?: string[]; json: boolean }) => {
      if (flags.cases !== undefined) return compare(flags.cases, flags.json);
      if (scenario === undefined) throw new BadInput("walk", "", "neither a scenario nor --cases is given", "see pvtwin walk --help");
      return print(scenario, va, flags.json);
    });
}

const FIRST = 10;

async function compare(files: string[], json: boolean): Promise<void> {
  const runner = new CaseRunner();
  const first: { file: string; name: string; recorded: unknown; modelled: WalkResult }[] = [];
  let cases = 0;
  let different = 0;
  for (const file of files) {
    let number = 0;
    for await (const text of linesOf(file)) {
      number++;
      if (text.trim() === "") continue;
      const c = parseCase(text, file, number);
      const modelled = runner.run(c);
      cases++;
      if (sameResult(c.name, modelled, c.result as WalkResult)) continue;
      different++;
      if (first.length < FIRST) first.push({ file, name: c.name, recorded: c.result, modelled });
    }
  }
  if (cases === 0) throw new BadInput(files.join(", "), "", "holds no case", "name a file of recorded walks");
  if (json) process.stdout.write(`${JSON.stringify({ cases, equal: cases - different, different, first })}\n`);
  else {
    process.stdout.write(`${cases} walks, ${cases - different} equal, ${different} different\n`);
    for (const d of first) {
      process.stdout.write(`${d.file}: ${d.name}\n  recorded ${JSON.stringify(d.recorded)}\n  modelled ${JSON.stringify(d.modelled)}\n`);
    }
  }
  process.exitCode = different === 0 ? 0 : 1;
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const input = createReadStream(file);
  try {
    yield* createInterface({ input, crlfDelay: Infinity });
  } catch (error) {
    throw new BadInput(file, "", `cannot be read (${(error as NodeJS.ErrnoException).code})`, "name a file of recorded walks");
  }
}

function print(file: string, va: string | undefined, json: boolean): void {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new BadInput(file, "", `cannot be read (${(error as NodeJS.ErrnoException).code})`, "name a JSON file with one case");
  }
  const c = parseCase(text, file, 1);
  if (va !== undefined && !/^0x[0-9a-f]{1,16}$/i.test(va)) {
    throw new BadInput(va, "", "is no linear address", "give it in hexadecimal, with 0x");
  }
  const asked = va === undefined ? c : { ...c, va };
  const runner = new CaseRunner();
  const result = runner.run(asked);
  const walked = result.fault?.vector !== 13;
  const levels = walked ? runner.levels(asked) : [];
  if (json) {
    const rows = levels.map((l) => ({ level: l.level, slot: l.slot, entry: `0x${l.entry.toString(16).padStart(16, "0")}` }));
    process.stdout.write(`${JSON.stringify({ va: asked.va, levels: rows, result })}\n`);
    return;
  }
  process.stdout.write(`Pagetable walk from ${asked.va.slice(2).padStart(16, "0")}:\n`);
  for (const l of levels) {
    const slot = l.slot.toString(16).padStart(3, "0");
    process.stdout.write(` L${l.level}[0x${slot}] = ${l.entry.toString(16).padStart(16, "0")}\n`);
  }
  process.stdout.write(result.ok === true ? `-> ${result.pa}\n` : `-> vector ${result.fault!.vector}, error ${result.fault!.error}\n`);
}
