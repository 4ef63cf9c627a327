/**
 * Hypercall scripts on a real Xen: a small PV guest plays them, one boot for all that can share one.
 *
 * A script that brings up a vCPU has a boot of its own, since that cannot be undone.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseScript, type Script } from "../experiments/replay/script.js";
import { boot, consoleOf, XEN_ARGUMENTS } from "./boot.js";
import { replayerImage } from "./guest-files.js";
import type { Ingredients } from "./packages.js";
import { recordedScripts } from "./replay-record.js";
import { replayText } from "./replay-text.js";

export interface ReplayOptions {
  readonly patience: number;
  readonly xenArguments: readonly string[];
  /** Called with the serial line of each boot, also of one that fails. */
  readonly onConsole: (text: string) => void;
}

/** vCPUs 0 and 1 play, and 2 may be brought up. */
const VCPUS = 3;

/** The scripts of `files`, without their results if they have any. Errors: BadInput. */
export function readScripts(files: readonly string[]): Script[] {
  return files.flatMap((file) => {
    const lines = readFileSync(file, "utf8").split("\n");
    return lines.flatMap((text, i) => (text.trim() === "" ? [] : [parseScript(text, file, i + 1, false)]));
  });
}

/** Boot as often as it takes, and play `scripts`; these, in their order, with results. Errors: BadInput. */
export async function replay(
  ingredients: Ingredients,
  scripts: readonly Script[],
  options: ReplayOptions,
): Promise<Script[]> {
  const recorded = new Map<Script, Script>();
  for (const group of boots(scripts)) {
    const said = await bootReplayer(ingredients, group, options);
    recordedScripts(group, said, "the console").forEach((script, i) => recorded.set(group[i]!, script));
  }
  return scripts.map((script) => recorded.get(script)!);
}

/** Scripts by boot. */
export function boots(scripts: readonly Script[]): Script[][] {
  const groups = new Map<string, Script[]>();
  for (const script of scripts) {
    const alone = script.ops.some(({ op }) => op === "initialise");
    const key = alone ? script.name : String(script.exclusive === true);
    groups.set(key, [...(groups.get(key) ?? []), script]);
  }
  return [...groups.values()];
}

async function bootReplayer(
  ingredients: Ingredients,
  scripts: readonly Script[],
  { patience, xenArguments, onConsole }: ReplayOptions,
): Promise<string> {
  const scratch = mkdtempSync(join(tmpdir(), "pvtwin-witness-"));
  try {
    const kernel = join(scratch, "replayer");
    writeFileSync(kernel, replayerImage(ingredients.compiler, scripts[0]!.exclusive === true));
    const module = Buffer.from(scripts.map(replayText).join(""));
    return await boot({ ...ingredients, kernel }, module, scratch, {
      cpus: VCPUS,
      patience,
      xenArguments: [...XEN_ARGUMENTS, "dom0_mem=256M", ...xenArguments],
      linuxArguments: [],
    }).finally(() => onConsole(consoleOf(scratch)));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
