/**
 * The Linux twin: one kernel, its tables of rows, and its entry points.
 *
 * Each path of the kernel is a file of functions beside this one that take the kernel first; this class
 * holds what they work on. Entry from Xen is page_fault() and event(); entry from user mode are the sys_*
 * functions, called by machine/ between the system call's entry and return_to_user().
 */
import { USER_LIMIT_VPN } from "../abi/layout.js";
import type { Hypervisor } from "../abi/hypervisor.js";
import type { Ledger } from "../abi/ledger.js";
import type { PtMemory } from "../abi/memory.js";
import { EntryRun } from "../abi/mmu-update.js";
import type { NativeProcessor } from "../abi/native-processor.js";
import type { State } from "../abi/state.js";
import type { LinuxConfig } from "./config.js";
import type { Vpn } from "../abi/frames.js";
import type { Guest } from "../abi/upcalls.js";
import { event, page_fault } from "./entry.js";
import { fault_at_once } from "./fault-at-once.js";
import { FaultRegisters } from "./fault.js";
import { FileTable } from "./files.js";
import { KernelImage } from "./kernel-image.js";
import { LruPagevecs } from "./lru.js";
import { MmLife } from "./mm-life.js";
import { MmTable } from "./mm-struct.js";
import { PerCpu } from "./percpu.js";
import { PudRegisters } from "./pgtable.js";
import type { PvMmuOps } from "./pv-ops.js";
import { PageTable } from "./struct-page.js";
import { TaskTable } from "./task-struct.js";
import { SwitchRegisters } from "./tlb.js";
import { MmuGather } from "./unmap.js";
import { ZapBatch } from "./unmap-vmas.js";
import { VmaTable } from "./vma.js";
import { VmapTable } from "./vmalloc.js";
import { FdTables } from "./fdtable.js";
import { top_level_design, type TopLevelDesign } from "./top-level/design.js";
import { Histograms } from "./xen/histograms.js";
import { CallSingleData } from "./xen/leave-tables.js";
import { NativeMmuOps } from "./native/mmu-native.js";
import { LowMemory } from "./pae/low-memory.js";
import { PaeMmuOps } from "./pae/mmu-pae.js";
import { PaeTables } from "./pae/pae-tables.js";
import { XenMmuOps } from "./xen/mmu-pv.js";
import { McBuffer, McLevels } from "./xen/multicalls.js";

/** Areas of vmalloc besides the stacks of tasks. */
const VMAPS = 64;

export class Linux implements Guest {
  readonly mms: MmTable;
  readonly tasks: TaskTable;
  readonly pages: PageTable;
  readonly vmas: VmaTable;
  readonly files: FileTable;
  readonly lru: LruPagevecs;
  readonly vmaps: VmapTable;
  readonly fdtables: FdTables;
  readonly percpu: PerCpu;
  readonly fault: FaultRegisters;
  readonly gather: MmuGather;
  readonly pud: PudRegisters;
  readonly image: KernelImage;
  readonly regs: SwitchRegisters;
  /** Are many PTEs in a row set or cleared in one piece, which comes to the same? Not for who listens to each. */
  at_once = true;
  /** context_switch() is loading tables, and goes on to switch_to_at_once(). */
  switchesByName = false;
  /** PTEs that are about to be set together; behind that, nobody reads it. */
  readonly run = new EntryRun();
  /** PTEs of a dying address space that are about to be emptied together; likewise. */
  readonly zap = new ZapBatch();
  readonly life: MmLife;
  readonly csd: CallSingleData;
  /** Multicall buffers, one a CPU. */
  readonly mc: readonly McBuffer[];
  /** How full they are, and their callbacks. */
  readonly mcLevels: McLevels;
  readonly hist: Histograms;
  readonly top: TopLevelDesign;
  /** Tables of a 32-bit guest. */
  readonly pae: PaeTables | undefined;
  /** arch/x86/xen/, or native. */
  readonly pv: PvMmuOps;
  /** Calls into Xen; set by connect(). */
  hv!: Hypervisor;
  /** What a native kernel tells the processor; set by connect() where there is one. */
  hw!: NativeProcessor;

  constructor(
    state: State,
    readonly memory: PtMemory,
    readonly ledger: Ledger,
    readonly config: LinuxConfig,
  ) {
    this.mms = new MmTable(state, config.maxMms, config.nrCpus);
    this.tasks = new TaskTable(state, config.maxTasks);
    this.pages = new PageTable(state, config);
    this.vmas = new VmaTable(state, config.maxVmas, config.maxMms);
    this.files = new FileTable(state, config.maxFiles);
    this.lru = new LruPagevecs(state, config.nrCpus);
    this.vmaps = new VmapTable(state, config.maxTasks + VMAPS);
    this.fdtables = new FdTables(state, config.maxTasks);
    this.percpu = new PerCpu(state, config.nrCpus);
    this.fault = new FaultRegisters(state, config.nrCpus);
    this.gather = new MmuGather(state, config.nrCpus);
    this.pud = new PudRegisters(state, config.nrCpus);
    this.image = new KernelImage(state);
    this.regs = new SwitchRegisters(state, config.nrCpus);
    this.life = new MmLife(state, config.nrCpus);
    this.csd = new CallSingleData(state, config.nrCpus);
    this.mcLevels = new McLevels(state, config.nrCpus);
    this.mc = Array.from(
      { length: config.nrCpus },
      (_, cpu) => new McBuffer(state, config.nrCpus, this.mcLevels, cpu),
    );
    this.hist = new Histograms(state, config.nrCpus);
    this.top = top_level_design(state, config);
    this.pae = config.paravirt === "xen-pae" ? new PaeTables(state, config) : undefined;
    if (config.paravirt === "native") this.pv = new NativeMmuOps(this);
    else this.pv = this.pae === undefined ? new XenMmuOps(this) : new PaeMmuOps(this, this.pae);
  }

  /** Bind the guest to the Xen it runs on. */
  connect(hv: Hypervisor, hw?: NativeProcessor): void {
    this.hv = this.pae === undefined ? hv : new LowMemory(hv, this.pae);
    if (hw !== undefined) this.hw = hw;
  }

  /** See Guest.page_fault(). */
  page_fault(vcpu: number, page: Vpn, error: number): void {
    page_fault(this, vcpu, page, error);
  }

  /** See Guest.page_fault_at_once(). */
  page_fault_at_once(vcpu: number, page: Vpn, error: number): boolean {
    return page < USER_LIMIT_VPN && fault_at_once(this, vcpu, page, error);
  }

  /** See Guest.event(). */
  event(vcpu: number): void {
    event(this, vcpu);
  }
}
