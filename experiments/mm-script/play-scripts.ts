/**
 * All scripts of some files on machines of their own, compared with what was recorded.
 */
import { EVENT_NAMES, eventDefinition, type EventName } from "../../abi/events.js";
import type { Proposal } from "../../abi/proposal.js";
import { Machine } from "../../machine/machine.js";
import { BadInput } from "../../abi/bad-input.js";
import {
  Comparison,
  NOISE,
  type CounterScore,
  type Cr3Score,
  type Difference,
  type Score,
} from "./compare.js";
import { Player, type PlayedStep } from "./player.js";
import { readMmScripts, type MmScript } from "./script.js";
import { SCRIPT_GEOMETRY } from "./script-geometry.js";

export interface MmReport {
  readonly scripts: number;
  readonly steps: number;
  readonly counters: Record<string, CounterScore>;
  readonly stable: Score;
  readonly unstable: Score;
  readonly cr3: Cr3Score;
  readonly cr3Xpti: Cr3Score;
  readonly differences: Difference[];
}

/** One step of one script. */
export interface StepName {
  readonly script: string;
  readonly step: number;
}

/** Counters of the model that the recordings have too. */
const OF_XEN: ReadonlySet<EventName> = new Set<EventName>(["page_fault", "ptwr_emulation", "emulate_privop"]);
const NOT_RECORDED: ReadonlySet<EventName> = new Set<EventName>([
  "iret_kernel",
  "mc_other",
  "hypercall_failed",
]);
export const RECORDED_COUNTERS: ReadonlySet<EventName> = new Set(
  EVENT_NAMES.filter((name) => {
    if (NOISE.has(name) || NOT_RECORDED.has(name)) return false;
    const { side } = eventDefinition(name);
    return side === "linux" || side === "hypercall" || OF_XEN.has(name);
  }),
);

/** Play all scripts of `files`, without and with XPTI; with `only`, compare that step alone. */
export function playScripts(
  files: readonly string[],
  proposals: { readonly shared: Proposal; readonly xpti: Proposal },
  only?: StepName,
): MmReport {
  const comparison = new Comparison(RECORDED_COUNTERS);
  let scripts = 0;
  let steps = 0;
  const machines = [new ScriptMachine(proposals.shared), new ScriptMachine(proposals.xpti)] as const;
  for (const { file, script } of scriptsOf(files, only)) {
    scripts++;
    steps += only === undefined ? script.steps.length : 1;
    const [players, results] = [
      machines.map((machine) => new Player(machine.restart(), script, file)),
      new Map(script.results.map((result) => [result.step, result])),
    ];
    for (const [first, last] of groupsOf(script)) {
      const [played, xpti] = players.map((player) => player.play(first, last)) as [PlayedStep, PlayedStep];
      const result = results.get(last);
      if (result === undefined || (only !== undefined && (only.step < first || only.step > last))) continue;
      const place = { script: script.name, step: last, op: script.steps[last]!.op };
      comparison.step(place, result, played, xpti, script.notRecorded);
    }
  }
  const { counters, stable, unstable, cr3, cr3Xpti, differences } = comparison;
  return { scripts, steps, counters, stable, unstable, cr3, cr3Xpti, differences };
}

/** The scripts of `files`, or the one that `only` names. Errors: BadInput where there is no such step. */
export function* scriptsOf(
  files: readonly string[],
  only?: StepName,
): Generator<{ file: string; script: MmScript }> {
  let found = false;
  for (const file of files) {
    for (const script of readMmScripts(file)) {
      if (only !== undefined && (script.name !== only.script || only.step >= script.steps.length)) continue;
      found = true;
      yield { file, script };
      if (only !== undefined) return;
    }
  }
  if (found) return;
  if (only === undefined) throw new BadInput(files.join(", "), "", "holds no script", "name another file");
  throw new BadInput(
    files.join(", "),
    `${only.script}:${only.step}`,
    "is no step of its scripts",
    "see the names in the file",
  );
}

/** First and last step of each window: steps that begin together share one. */
export function groupsOf(script: MmScript): [number, number][] {
  const groups: [number, number][] = [];
  for (let first = 0; first < script.steps.length;) {
    let last = first;
    while (script.steps[last]!.parallel === true && last + 1 < script.steps.length) last++;
    groups.push([first, last]);
    first = last + 1;
  }
  return groups;
}

/** A machine that begins each script as it was after boot. */
export class ScriptMachine {
  private readonly machine: Machine;
  private readonly booted: Uint8Array;

  constructor(proposal: Proposal) {
    this.machine = new Machine({
      proposal,
      geometry: SCRIPT_GEOMETRY,
      pcid: false,
      invpcid: false,
      pge: false,
      rcuNocbs: true,
      audit: "observe",
    }).boot();
    this.booted = new Uint8Array(this.machine.snapshot());
  }

  restart(): Machine {
    new Uint8Array(this.machine.state.buffer).set(this.booted);
    return this.machine;
  }
}
