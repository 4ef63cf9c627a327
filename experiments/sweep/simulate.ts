/** One group of a sweep, simulated: what its cells are priced from. */
import { existsSync } from "node:fs";
import { BadInput } from "../../abi/bad-input.js";
import type { EventCounts } from "../../abi/ledger.js";
import type { EventName } from "../../abi/events.js";
import { Machine } from "../../machine/machine.js";
import { ReusedBytes } from "../../machine/reused-bytes.js";
import { digest } from "../input-file.js";
import { readRecording, type Recording } from "../import/recording.js";
import type * as PlayScripts from "../mm-script/play-scripts.js";
import { SCRIPT_GEOMETRY } from "../mm-script/script-geometry.js";
import { Player } from "../mm-script/player.js";
import type { Verdict } from "../results.js";
import { PromiseWatch, verdictOf } from "../run/promise.js";
import { runRecording } from "../run/run-workload.js";
import { runRates } from "../synthetic/rates.js";
import type { Group, RecordedWork } from "./group.js";

/** A group without its cells: what a worker gets. */
export type Simulation = Omit<Group, "cells">;

export interface Simulated {
  readonly verdict: Verdict;
  readonly counts: EventCounts;
}

/** Of the machine that this thread has run last. */
const bytes = new ReusedBytes();

/** Run it. Errors: BadInput where a file cannot be used. */
export async function simulate({ work, proposal, machine, seed }: Simulation): Promise<Simulated> {
  if ("recording" in work) {
    const { properties, counts } = runRecording(await recordingOf(work), proposal, { machine, bytes });
    return { verdict: verdictOf(properties).verdict, counts };
  }
  if ("synthetic" in work) {
    const { properties, counts } = runRates(work.synthetic, proposal, { ...machine, bytes }, seed);
    return { verdict: verdictOf(properties).verdict, counts };
  }
  return playScript(work.script, { proposal, machine });
}

/** The recording that this thread has run last: groups of one recording come one after the other (group-queue.ts). */
let held: { readonly sha256: string; readonly recording: Recording } | undefined;

/** Read a recording, or take the one that is held. Errors: BadInput where it cannot be used. */
export async function recordingOf({ recording: file, sha256 }: RecordedWork): Promise<Recording> {
  if (held?.sha256 === sha256) return held.recording;
  if (existsSync(file) && digest(file) !== sha256)
    throw new BadInput(file, "", "is not the file that the sweep named", "give each host the same files");
  held = undefined; // before the next one is read, so that memory holds one
  held = { sha256, recording: await readRecording(file, { strict: false }) };
  return held.recording;
}

/** All steps of a script; the windows' counts added up. */
function playScript(
  { file, name }: { file: string; name: string },
  { proposal, machine: processor }: Pick<Simulation, "proposal" | "machine">,
): Simulated {
  const { groupsOf, scriptsOf } = playScripts();
  const [found] = scriptsOf([file], { script: name, step: 0 });
  const { script } = found!; // or scriptsOf() has thrown
  const config = { proposal, geometry: SCRIPT_GEOMETRY, ...processor, audit: "observe" as const };
  const machine = new Machine(config, bytes).boot();
  const player = new Player(machine, script, file);
  const watch = new PromiseWatch(machine);
  const counts: EventCounts = {};
  for (const [first, last] of groupsOf(script)) {
    const { main, start } = player.play(first, last);
    for (const window of [main, start]) {
      for (const [event, n] of Object.entries(window?.executed ?? {}) as [EventName, number][])
        counts[event] = (counts[event] ?? 0) + n;
    }
    watch.look(last);
  }
  return { verdict: verdictOf(watch.properties(name)).verdict, counts };
}

function playScripts(): typeof PlayScripts {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- what reads scripts takes longer to load than the twins
  return require("../mm-script/play-scripts.js") as typeof PlayScripts;
}
