/**
 * The machine that is checked: small, booted, with a few threads, one of them on each vCPU.
 *
 * It is the simulator's machine, with tables of 512 entries: the twins run as they are, and only what can change is written
 * to a checked state (codec.ts).
 */
import type { Proposal } from "../../abi/proposal.js";
import { PtMemory } from "../../abi/memory.js";
import { NO_MM } from "../../linux-mm-model/mm-struct.js";
import { do_exit } from "../../linux-mm-model/exit.js";
import { context_switch, idle_task } from "../../linux-mm-model/sched.js";
import { Machine, type MachineConfig } from "../../machine/machine.js";
import { type AuditRules, XEN_RULES } from "../../xen-model/audit-rules.js";
import { PGT_l4_page_table } from "../../xen-model/frame-table.js";
import { behindTasks, type Bounds, firstKthread, firstThread, mmOfThread } from "./bounds.js";
import { type L4, l4sOfScene } from "./l4-roles.js";

export interface Scene {
  readonly machine: Machine;
  /** First frame that the threads and what they do may take, and the first behind. */
  readonly pool: readonly [number, number];
  /** With room for what forks make: roomOf(). */
  readonly bounds: Bounds;
  /** L4s that can be loaded or have user slots, when all processes are there. */
  readonly l4s: readonly L4[];
  /** Frames that Xen has as L4s then. */
  readonly typed: readonly number[];
  /** L4s, kernel-mode and user-mode ones in turn, for a pair of a thread's while it still has another. */
  readonly more: readonly number[];
}

/** Room for all of the state that is no table, the registers of a check included. */
const OTHER_BYTES = 2 ** 20;

/** In PageTable.heads: the first table frame that was never used. */
const NEVER_USED = 2;

/** Build and boot the machine, and make the processes of `bounds`, which has room for forks; `idle`: no thread runs yet. */
export function buildScene(
  proposal: Proposal,
  bounds: Bounds,
  rules?: Partial<AuditRules>,
  beforeBoot?: (machine: Machine) => void,
  audit: "observe" | "enforce" = "observe",
  idle = false,
): Scene {
  const { forks = 0 } = bounds;
  const l4s = 2 * (1 + bounds.threads + bounds.mms * (bounds.vcpus + (forks > 0 ? 1 : 0))) + bounds.vcpus;
  const l3s = bounds.mms * bounds.slots + bounds.vcpus + 1;
  const geometry = {
    nrCpus: bounds.vcpus,
    nrXenFrames: 64 + 8 * bounds.vcpus,
    nrTables: 232 + 8 * bounds.vcpus + l4s + l3s,
    nrFrames: 512,
    ptes: 512,
    maxMms: 1 + bounds.mms,
    maxTasks: behindTasks(bounds),
    maxVmas: 4,
    maxFiles: 1,
  };
  const config: MachineConfig = {
    proposal,
    geometry,
    pcid: false,
    invpcid: false,
    audit,
    ...(rules === undefined ? {} : { rules: { ...XEN_RULES, ...rules } }),
  };
  const machine = new Machine(config, new ArrayBuffer(PtMemory.bytes(geometry) + OTHER_BYTES));
  beforeBoot?.(machine);
  machine.boot();
  const { linux } = machine;
  for (let slot = 0; slot < bounds.slots; slot++) linux.mms.note_user_slot(slot); // in any state that is put in place
  const first = linux.pages.heads[NEVER_USED]!;
  for (let mm = 1; mm <= bounds.mms; mm++) makeProcess(machine, bounds, mm);
  for (let task = firstKthread(bounds); task < behindTasks(bounds); task++) linux.tasks.alloc(task, NO_MM);
  const roles = l4sOfScene(machine, bounds);
  const typed = typedL4s(machine);
  const more = forks > 0 && proposal.linux.top === "per-thread" ? 2 * bounds.mms : 0;
  const spare = Array.from({ length: more }, () => linux.pages.alloc_table());
  const last = linux.pages.heads[NEVER_USED]! + l3s;
  for (let n = bounds.threads - forks; n < bounds.threads; n++) unmake(machine, firstThread(bounds) + n);
  for (const frame of spare) linux.pages.put_page(frame);
  for (let cpu = 0; cpu < bounds.vcpus; cpu++) {
    if (cpu < bounds.threads - forks && !idle) run(machine, cpu, firstThread(bounds) + cpu);
    else linux.hv.block(cpu);
  }
  return { machine, pool: [first, last], bounds, l4s: roles, typed, more: spare };
}

function typedL4s({ xen }: Machine): number[] {
  const { frames } = xen;
  const all = Array.from({ length: frames.nrFrames }, (_, mfn) => mfn);
  return all.filter((mfn) => frames.type[mfn] === PGT_l4_page_table && frames.typeCount[mfn] !== 0);
}

/** The only thread of a process, which a fork may make, runs and exits. */
function unmake(machine: Machine, task: number): void {
  const cpu = 0;
  run(machine, cpu, task);
  machine.enter_scheduler(cpu);
  do_exit(machine.linux, cpu);
  context_switch(machine.linux, cpu, idle_task(cpu));
}

/** `task` runs on `cpu`, in user mode. */
function run(machine: Machine, cpu: number, task: number): void {
  machine.enter_scheduler(cpu);
  context_switch(machine.linux, cpu, task);
  machine.return_to_user(cpu);
}

/** An address space without VMAs, pinned, with its threads: as fork leaves a child that has not run. */
function makeProcess(machine: Machine, bounds: Bounds, expected: number): void {
  const { linux } = machine;
  const cpu = 0;
  const mm = linux.mms.allocate_mm();
  if (mm !== expected) throw new RangeError(`buildScene: mm ${mm} is not ${expected}`);
  linux.pv.pgd_alloc(cpu, mm);
  linux.mms.mm_users[mm] = 0;
  for (let n = 0; n < bounds.threads; n++) {
    if (mmOfThread(bounds, n) !== mm) continue;
    const task = linux.tasks.alloc(n + 1, mm);
    linux.tasks.mm[task] = mm;
    linux.tasks.active_mm[task] = mm;
    if (linux.mms.mm_users[mm]!++ > 0) linux.pv.thread_create(cpu, mm, task);
    else {
      linux.pv.dup_mmap(cpu, mm);
      takeFirstPair(machine, cpu, mm, task);
    }
  }
}

/** The first thread takes what a design made for it with the mm, as it would when it first runs. */
function takeFirstPair({ linux }: Machine, cpu: number, mm: number, task: number): void {
  const loaded = linux.percpu.loaded_mm[cpu]!;
  linux.percpu.set_loaded_mm(cpu, mm);
  linux.top.loaded(linux, cpu, task);
  linux.percpu.set_loaded_mm(cpu, loaded);
}
