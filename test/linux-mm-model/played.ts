/** Steps of the script language on twins that are joined, for statements about what Linux does. */
import { join } from "node:path";
import { readProposal } from "../../abi/proposal.js";
import { dataFolder } from "../../experiments/bundled.js";
import { ScriptMachine } from "../../experiments/mm-script/play-scripts.js";
import { Player } from "../../experiments/mm-script/player.js";
import { type MmStep, parseScript } from "../../experiments/mm-script/script.js";
import type { ModelledWindow } from "../../experiments/mm-script/windows.js";

/** A step as scripts are written, without its task where that is t0. */
export type Step = { op: MmStep["op"]; task?: string } & Record<string, unknown>;

/** Regions of all tests: neighbours, two in one L2 table, one that begins in the last page of an L1, L2 and L3 table each. */
const REGIONS = {
  a: { slot: 4, page: 0, pages: 1024 },
  behind: { slot: 4, page: 1024, pages: 8 },
  near: { slot: 4, page: 2000, pages: 16 },
  far: { slot: 4, page: 262144, pages: 16 },
  other: { slot: 9, page: 0, pages: 2048 },
  huge: { slot: 20, page: 0, pages: 524288 },
  hugeTo: { slot: 21, page: 0, pages: 524288 },
  edge: { slot: 11, page: 262143, pages: 2 },
};

let machine: ScriptMachine | undefined;

/** Play `steps`; returns the player and the windows of each. */
export function played(...steps: Step[]): {
  player: Player;
  windows: ModelledWindow[];
  last: ModelledWindow;
} {
  machine ??= new ScriptMachine(readProposal(join(dataFolder("abi", "proposals"), "shared.yaml")));
  const document = {
    name: "test",
    group: "test",
    vcpus: 2,
    tasks: [{ task: "t0", vcpu: 0 }],
    regions: REGIONS,
    steps: steps.map((step) => ({ task: "t0", ...step })),
  };
  const player = new Player(machine.restart(), parseScript("test", document, 1), "test");
  const windows = steps.map((_, i) => player.play(i, i).main);
  return { player, windows, last: windows[windows.length - 1]! };
}

/** The named counters of a window, 0 where nothing was counted. */
export function counted<Name extends keyof ModelledWindow["counters"]>(
  window: ModelledWindow,
  ...names: Name[]
): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, window.counters[name] ?? 0])) as Record<Name, number>;
}
