/**
 * The Linux twin: one kernel, its tables of rows, and its entry points.
 *
 * Each path of the kernel is a file of functions beside this one that take the kernel first; this class
 * holds what they work on. Entry from Xen is page_fault() and event(); entry from user mode are the sys_*
 * functions, called by machine/ between the system call's entry and return_to_user().
 */
import type { Hypervisor } from "../abi/hypervisor.js";
import type { Ledger } from "../abi/ledger.js";
import type { PtMemory } from "../abi/memory.js";
import type { State } from "../abi/state.js";
import type { LinuxConfig } from "./config.js";
import { MmTable } from "./mm-struct.js";
import { PerCpu } from "./percpu.js";
import type { PvMmuOps } from "./pv-ops.js";
import { PageTable } from "./struct-page.js";
import { TaskTable } from "./task-struct.js";

export class Linux {
  readonly mms: MmTable;
  readonly tasks: TaskTable;
  readonly pages: PageTable;
  readonly percpu: PerCpu;
  /** Calls into Xen; set by connect(). */
  hv!: Hypervisor;
  /** arch/x86/xen/: set at construction. */
  pv!: PvMmuOps;

  constructor(
    state: State,
    readonly memory: PtMemory,
    readonly ledger: Ledger,
    readonly config: LinuxConfig,
  ) {
    this.mms = new MmTable(state, config.maxMms);
    this.tasks = new TaskTable(state, config.maxTasks);
    this.pages = new PageTable(state, config);
    this.percpu = new PerCpu(state, config.nrCpus);
  }
}
