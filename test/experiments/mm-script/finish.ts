/** Plays a script to its end, and lets all of its processes exit. */
import type { Machine } from "../../../machine/machine.js";
import { groupsOf } from "../../../experiments/mm-script/play-scripts.js";
import { Player } from "../../../experiments/mm-script/player.js";
import type { MmScript } from "../../../experiments/mm-script/script.js";

/** `machine` is as after boot. Afterwards nobody runs but the idle tasks. */
export function playAndExit(machine: Machine, script: MmScript): void {
  const steps = [...script.steps];
  const player = new Player(machine, { ...script, steps }, script.name);
  for (const [first, last] of groupsOf(script)) player.play(first, last);
  for (let all = player.tasks.collectAll(); all.length > 0; all = player.tasks.collectAll()) {
    // nobody else gets a vCPU on which a task spins, not even to be killed
    const spinner = all.find((task) => task.spins);
    steps.push(
      spinner === undefined ? { op: "exit_group", task: all[0]!.name } : { op: "exit", task: spinner.name },
    );
    player.play(steps.length - 1, steps.length - 1);
  }
}
