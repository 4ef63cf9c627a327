/**
 * What the twins say that a script will count, in the form in which it is recorded: to be kept before anything is recorded.
 */
import { eventDefinition, type EventName } from "../../abi/events.js";
import type { Proposal } from "../../abi/proposal.js";
import { groupsOf, RECORDED_COUNTERS, ScriptMachine, scriptsOf } from "./play-scripts.js";
import { Player } from "./player.js";
import type { ModelledWindow } from "./windows.js";

/** All scripts of `files` under `proposal`: one JSON document a line, with one run of results. */
export function predictScripts(files: readonly string[], proposal: Proposal): string {
  const machine = new ScriptMachine(proposal);
  const lines: string[] = [];
  for (const { file, script } of scriptsOf(files)) {
    const player = new Player(machine.restart(), script, file);
    const results = groupsOf(script).map(([first, last]) => {
      const { main, start } = player.play(first, last);
      return {
        step: last,
        main: predicted(main),
        ...(start === undefined ? {} : { start: predicted(start) }),
        stable: true,
      };
    });
    lines.push(JSON.stringify({ ...script, runs: 1, results }));
  }
  return `${lines.join("\n")}\n`;
}

/** As a window of the recordings: counters by side, what is 0 left out. */
function predicted({ counters, ...hists }: ModelledWindow): object {
  const sides: Record<string, Record<string, number>> = { linux: {}, hypercalls: {}, xen: {} };
  for (const name of [...RECORDED_COUNTERS].sort()) {
    const count = counters[name] ?? 0;
    if (count > 0) sides[sideOf(name)]![name] = count;
  }
  const { hist_mc_flush, hist_flush_tlb_multi, hist_tlb_flush } = hists;
  return { ...sides, hist_mc_flush, hist_flush_tlb_multi, hist_tlb_flush };
}

function sideOf(name: EventName): string {
  const { side } = eventDefinition(name);
  return side === "hypercall" ? "hypercalls" : side;
}
