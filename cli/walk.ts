/**
 * pvtwin walk: one pagetable walk, printed as Xen prints one; or recorded walks, compared.
 */
import type { Command } from "commander";
import { BadInput } from "../abi/bad-input.js";
import { compareCases, type WalkReport } from "../experiments/walk-cases/compare.js";
import { CaseRunner } from "../experiments/walk-cases/run-case.js";
import {
  findCase,
  readScenario,
  type WalkResult,
  type WalkScenario,
} from "../experiments/walk-cases/walk-case.js";
import type { ShownEntry } from "../xen-model/hw/show-page-walk.js";

interface Options {
  readonly cases?: string[];
  readonly json?: boolean;
}

const HELP = `
SCENARIO is a JSON file with tables, cr3 and what of mode, maxphyaddr, cr0wp, smep, smap, nxe, pge, pke, pkru,
ac, cpl, access and va differs from a read by a 64-bit kernel; or, with --cases, the name of a case.

Examples:
  pvtwin walk --cases test/data/x86-walk/*.jsonl
  pvtwin walk pdpte-0000 --cases test/data/x86-walk/pdpte-by-rule.jsonl
  echo '{"cr3":"t0","tables":{"t0":{"511":"t1|0x67"},"t1":{"510":"g1|0xe3"}}}' > kernel.json
  pvtwin walk kernel.json 0xffffffff80001000`;

export function register(program: Command): void {
  program
    .command("walk")
    .description("Walk pagetables as the processor does")
    .argument("[scenario]", "one walk: a JSON file, or the name of a case in the files of --cases")
    .argument("[va]", "linear address, in hex; default: the scenario's own")
    .option("--cases <file...>", "recorded walks, one JSON document a line")
    .option("--json", "print one JSON document")
    .addHelpText("after", HELP)
    .action((scenario: string | undefined, va: string | undefined, { cases, json = false }: Options) => {
      if (scenario !== undefined) {
        const c = cases === undefined ? readScenario(scenario, va) : findCase(cases, scenario, va);
        process.stdout.write(one(c, json));
      } else if (cases !== undefined) {
        const report = compareCases(cases);
        process.stdout.write(json ? `${JSON.stringify(report)}\n` : comparison(report));
        process.exitCode = report.different === 0 ? 0 : 1;
      } else {
        throw new BadInput("walk", "", "neither a scenario nor --cases is given", "see pvtwin walk --help");
      }
    });
}

function comparison({ cases, equal, different, first }: WalkReport): string {
  const lines = [`${cases} walks, ${equal} equal, ${different} different`];
  for (const { file, name, recorded, modelled } of first) {
    lines.push(
      `${file}: ${name}`,
      `  recorded ${JSON.stringify(recorded)}`,
      `  modelled ${JSON.stringify(modelled)}`,
    );
  }
  return `${lines.join("\n")}\n`;
}

function one(c: WalkScenario, json: boolean): string {
  const runner = new CaseRunner();
  const [shown, result] = [runner.show(c), runner.run(c)];
  if (!json)
    return [
      `Pagetable walk from ${c.va.slice(2).padStart(16, "0")}:`,
      ...shown.map(line),
      told(c, result),
      "",
    ].join("\n");
  const levels = shown.map((e) => ({ level: e.level, slot: e.slot, entry: `0x${pte(e)}` }));
  return `${JSON.stringify({ name: c.name, va: c.va, levels, result })}\n`;
}

/** As show_page_walk() prints it; no frame has a pfn, as there is no M2P. */
export function line(e: ShownEntry): string {
  return ` L${e.level}[0x${hex(e.slot, 3)}] = ${pte(e)} ffffffffffffffff${e.pse ? " (PSE)" : ""}`;
}

function pte({ frame, flags }: ShownEntry): string {
  return hex(flags >>> 12, 3) + hex(frame, 10) + hex(flags & 0xfff, 3);
}

function hex(n: number, digits: number): string {
  return n.toString(16).padStart(digits, "0");
}

const ACCESSES = { r: "Read", w: "Write", x: "Fetch" } as const;
const ERROR_BITS = ["P", "W", "U", "RSVD", "I", "PK"];

function told(c: WalkScenario, result: WalkResult): string {
  const access = `${ACCESSES[c.access]} by CPL ${c.cpl}:`;
  if ("ok" in result) {
    const marks = Object.entries(result.ad).map(([entry, mark]) => `${mark} in ${entry}`);
    return `${access} ${result.pa}${marks.length === 0 ? "" : `; set ${marks.join(", ")}`}`;
  }
  const { vector, error, at } = result.fault;
  if (at !== undefined) return `MOV to CR3: #GP, a PDPTE has reserved bits`;
  if (vector === 13) return `${access} #GP, the address is not canonical`;
  const bits = ERROR_BITS.filter((_, n) => (error & (1 << n)) !== 0).join(" ");
  return `${access} #PF, error code ${hex(error, 4)}${bits === "" ? "" : ` (${bits})`}`;
}
