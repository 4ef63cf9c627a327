/** Steps of mm scripts as counts of what Xen did, to be priced in instructions. */
import type { EventCounts } from "../../abi/ledger.js";
import { Machine } from "../../machine/machine.js";
import { loadProposal } from "../evaluate.js";
import { groupsOf, ScriptMachine, scriptsOf } from "../mm-script/play-scripts.js";
import { SCRIPT_GEOMETRY } from "../mm-script/script-geometry.js";
import { Player, type PlayedStep } from "../mm-script/player.js";
import { type InstructionWindow, parseScript } from "../mm-script/script.js";
import type { ExperimentOf } from "./anchor.js";

/** Calls of the guest that begin with SYSCALL in ring 3: hypercalls too, as a PV kernel runs there. */
const BY_SYSCALL = [
  "syscall_entry",
  "mmu_update",
  "mmuext_op",
  "update_va_mapping",
  "stack_switch",
  "set_segment_base",
  "update_descriptor",
  "fpu_taskswitch",
  "event_channel_op",
  "vcpu_op",
  "sched_op",
  "multicall",
  "iret",
  "iret_kernel",
  "continuation",
] as const;

/** What the measured step of an anchor's script counts under `proposal`, on one vCPU. */
export function scriptCounts(
  where: string,
  experiment: ExperimentOf<"script">,
  proposal: string,
): EventCounts {
  const { tasks, regions, steps, step } = experiment;
  const vcpus = 1 + Math.max(...tasks.map(({ vcpu }) => vcpu));
  const script = parseScript(where, { name: where, group: "anchor", vcpus, tasks, regions, steps }, 1);
  const machine = new Machine({
    proposal: loadProposal(proposal),
    geometry: { ...SCRIPT_GEOMETRY, nrCpus: vcpus },
    pcid: false,
    invpcid: true,
    audit: "observe",
  }).boot();
  const player = new Player(machine, script, where);
  let counts: EventCounts = {};
  for (let i = 0; i <= step; i++) counts = player.play(i, i).main.executed;
  return counts;
}

/** A step of a recorded script: what the twins did, and how many instructions Xen executed, at the least. */
export interface RecordedStep {
  readonly name: string;
  readonly counts: EventCounts;
  readonly executed: number;
}

/** What moved a recorded step besides its own work. */
type Disturbance = ExperimentOf<"steps">["select"];

/**
 * The steps of a file that `select` wants: "quiet" ones, ones with a wake-up by event channel ("waking"), or ones with an
 * interrupt to the other CPU ("interrupting"). Of the first two, steps in which something happened that the script does not know
 * of (a timer, a kernel thread) are left out: the processor executed another number of SYSCALL or IRETQ than the twins.
 */
export function recordedSteps({ file, proposal, select }: Omit<ExperimentOf<"steps">, "kind" | "quantity">) {
  const machine = new ScriptMachine(loadProposal(proposal));
  const steps: RecordedStep[] = [];
  for (const { script } of scriptsOf([file])) {
    const player = new Player(machine.restart(), script, file);
    const results = new Map(script.results.map((result) => [result.step, result]));
    for (const [first, last] of groupsOf(script)) {
      const { main } = player.play(first, last);
      const result = results.get(last);
      const window = (proposal === "xpti" ? result?.instructions_xpti : result?.instructions)?.main;
      if (window === undefined || least(window.xen) === 0 || disturbance(main) !== select) continue;
      if (select === "interrupting" || undisturbed(window, main))
        steps.push({ name: `${script.name}:${last}`, counts: main.executed, executed: least(window.xen) });
    }
  }
  return steps;
}

function undisturbed(window: InstructionWindow, { executed, iretq }: PlayedStep["main"]): boolean {
  const calls = BY_SYSCALL.reduce((sum, event) => sum + (executed[event] ?? 0), 0);
  return least(window.iretq) === iretq && least(window.syscall) === calls;
}

function disturbance({ executed }: PlayedStep["main"]): Disturbance {
  if ((executed.ipi_sent ?? 0) > 0) return "interrupting";
  return (executed.event_channel_op ?? 0) > 0 ? "waking" : "quiet";
}

function least(counted: InstructionWindow["xen"]): number {
  return typeof counted === "number" ? counted : counted[0];
}
