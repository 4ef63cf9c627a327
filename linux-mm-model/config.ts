/**
 * The sizes and build options of a modelled Linux 6.1 PV kernel.
 *
 * Mirrors: Debian's config-6.1.0-amd64 for the options.
 */
import type { Proposal } from "../abi/proposal.js";

export interface LinuxConfig {
  /** vCPUs, online from boot. */
  readonly nrCpus: number;
  /** The guest's frames are firstFrame..nrFrames-1; those below nrTables can hold tables. */
  readonly firstFrame: number;
  readonly nrTables: number;
  readonly nrFrames: number;
  /** Entries of a table: 512, or fewer for the checker. */
  readonly ptes: number;
  /** Rows of the tables of mms, tasks, VMAs and files. */
  readonly maxMms: number;
  readonly maxTasks: number;
  readonly maxVmas: number;
  readonly maxFiles: number;
  /** CONFIG_NR_CPUS >= SPLIT_PTLOCK_CPUS (4): L1 tables have locks of their own, and are pinned one by one. */
  readonly splitPtlocks: boolean;
  /** Pages mapped around a file read fault: fault_around_bytes, 64 KiB. */
  readonly faultAroundPages: number;
  /**
   * FSGSBASE in use, as in the recordings: a switch sets FS without Xen, but reads user mode's GS by an emulated
   * RDMSR and sets it by hypercall. Otherwise FS is set by hypercall.
   */
  readonly fsgsbase: boolean;
  /** X86_BUG_NULL_SEG, as on the recorded machines (QEMU's processors say AMD). */
  readonly nullSegBug: boolean;
  /** Other CPUs invoke the RCU callbacks of every CPU: rcu_nocbs=, as in the recordings of mm scripts. */
  readonly rcuNocbs: boolean;
  /**
   * arch/x86/xen/ of a PV guest, in 64 bits (default) or 32; or the native setters and loads, of a guest that the processor
   * virtualises.
   */
  readonly paravirt?: "xen" | "xen-pae" | "native";
  /** Top-level design (top-level/registry.ts), and its options (abi/proposal.ts). */
  readonly top: string;
  readonly sync: "none" | "fault" | "eager";
  readonly unlazy: boolean;
  /** How a kernel slot that is populated later reaches the other top-level tables: sync-global-pgds.ts. */
  readonly kernelSync: "eager" | "fault";
  /** Options of a design's own. */
  readonly parameters?: Proposal["parameters"];
}
