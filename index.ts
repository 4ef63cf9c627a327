/**
 * pvtwin as a library: what an engineer needs to write a mocha suite about an idea, in one file.
 *
 * - **The idea**: {@link defineProposal}, and {@link registerTopLevelDesign} or {@link registerRootDesign} for a class
 *   that is not among the designs that come along. A design implements {@link TopLevelDesign} or {@link RootDesign};
 *   most extend one that is there.
 * - **A machine**: {@link bootedMachine}, whose methods are what happens to a computer from outside the kernels.
 * - **Work**: {@link driveGenerated} and {@link countGenerated} for generated operations, {@link runOp} for one at a
 *   time, {@link shortestHistory} for the least that breaks something.
 * - **Claims**: the invariants, {@link onePcpuPerL4InGuest} and {@link ILLUSION} first, and {@link evaluate} on
 *   recordings of real programs.
 * - **Interleavings**: {@link explore} for any {@link Model}, with counterexamples that {@link renderCounterexample} shows.
 * - **Cost**: {@link priceLedger} and {@link priceDifference}, with the constants of {@link readProfile}; {@link compare} says
 *   how firm a difference is.
 *
 * Names that exist in Linux or Xen are spelled as there.
 *
 * @module pvtwin
 */

// The ABI: what crosses the line between guest and Xen. Numbers and layouts come whole, since a design may need any.
export * from "./abi/errno.js";
export * from "./abi/features.js";
export * from "./abi/frames.js";
export * from "./abi/layout.js";
export * from "./abi/mmu-update.js";
export * from "./abi/mmuext-op.js";
export * from "./abi/page.js";
export type { ChangedRows, Rows } from "./abi/changed-rows.js";
export { CallBuffer, type CallCapacity } from "./abi/hypercalls.js";
export type { Hypervisor } from "./abi/hypervisor.js";
export type { NativeProcessor } from "./abi/native-processor.js";
export type { Guest } from "./abi/upcalls.js";

// A proposal: the idea as data, from an object or a YAML file.
export { BadInput } from "./abi/bad-input.js";
export {
  defineProposal,
  proposalSchema,
  readProposal,
  TODAY,
  type LayoutOptions,
  type Proposal,
  type ProposalIdea,
} from "./abi/proposal.js";
export { checkDesigns } from "./machine/known-designs.js";

// What both twins are made of: state in one buffer, paths of atomic steps, counted events.
export { EV, EVENT_NAMES, eventDefinition, type EventName, type Side } from "./abi/events.js";
export { CAUSE, CAUSES, Ledger, Tally, type Cause, type EventCounts } from "./abi/ledger.js";
export { PtMemory, type MemoryGeometry } from "./abi/memory.js";
export {
  AGAIN,
  BLOCKED,
  DONE,
  NEXT,
  advance,
  path,
  runPath,
  step,
  type Path,
  type Step,
} from "./abi/path.js";
export { State } from "./abi/state.js";

// The Linux twin, its tables of rows, and what a top-level design is written with.
export type { LinuxConfig } from "./linux-mm-model/config.js";
export { Linux } from "./linux-mm-model/linux.js";
export { INIT_MM, NO_MM, type MmTable } from "./linux-mm-model/mm-struct.js";
export { NO_TASK, type TaskTable } from "./linux-mm-model/task-struct.js";
export { leave_mm, type SwitchRegisters } from "./linux-mm-model/tlb.js";
export {
  registerTopLevelDesign,
  topLevelDesigns,
  type TopLevelDesign,
  type TopLevelDesignClass,
} from "./linux-mm-model/top-level/design.js";
export * from "./linux-mm-model/top-level/pair.js";
export { PerMmVcpu } from "./linux-mm-model/top-level/per-mm-vcpu.js";
export { PerThread } from "./linux-mm-model/top-level/per-thread.js";
export { PerVcpu } from "./linux-mm-model/top-level/per-vcpu.js";
export { SharedPgd } from "./linux-mm-model/top-level/shared-pgd.js";
export { load_base_pointers } from "./linux-mm-model/xen/base-pointers.js";
export type { FaultRegisters } from "./linux-mm-model/fault.js";
export type { FdTables } from "./linux-mm-model/fdtable.js";
export type { FileTable } from "./linux-mm-model/files.js";
export type { KernelImage } from "./linux-mm-model/kernel-image.js";
export type { LruPagevecs } from "./linux-mm-model/lru.js";
export type { PaeTables } from "./linux-mm-model/pae/pae-tables.js";
export type { PerCpu } from "./linux-mm-model/percpu.js";
export type { PvMmuOps } from "./linux-mm-model/pv-ops.js";
export type { PageTable } from "./linux-mm-model/struct-page.js";
export type { MmuGather } from "./linux-mm-model/unmap.js";
export type { ZapBatch } from "./linux-mm-model/unmap-vmas.js";
export type { VmaTable } from "./linux-mm-model/vma.js";
export type { VmapTable } from "./linux-mm-model/vmalloc.js";
export type { Histograms } from "./linux-mm-model/xen/histograms.js";
export { smp_call_function } from "./linux-mm-model/xen/cr3.js";
export {
  xen_extend_mmu_update,
  xen_extend_mmuext_op,
  xen_mc_batch,
  xen_mc_flush,
  xen_mc_issue,
  type McBuffer,
  type McLevels,
} from "./linux-mm-model/xen/multicalls.js";

// The Xen twin, its tables of rows, and what a root design is written with.
export { copy_guest_slots, move_window } from "./xen-model/root/copy-slots.js";
export { ROOT_LOCAL, ROOT_OTHERS, stale_roots } from "./xen-model/root/l4-uses.js";
export {
  registerRootDesign,
  rootDesigns,
  type RootDesign,
  type RootDesignClass,
} from "./xen-model/root/root-design.js";
export { MonitorRoot } from "./xen-model/root/monitor.js";
export { SharedRoot } from "./xen-model/root/shared.js";
export { VcpuRoot } from "./xen-model/root/vcpu-root.js";
export { XptiCopyAlwaysRoot, XptiRoot } from "./xen-model/root/xpti.js";
export {
  ACCESS_FETCH,
  ACCESS_READ,
  ACCESS_WRITE,
  WalkControl,
  type Access,
  type PagingLevels,
} from "./xen-model/hw/control.js";
export type { Container } from "./xen-model/container.js";
export type { LowerXen } from "./xen-model/shim/lower-xen.js";
export type { AuditLog, Decision } from "./xen-model/audit-log.js";
export type { AuditRules } from "./xen-model/audit-rules.js";
export type { FrameTable } from "./xen-model/frame-table.js";
export type { Tlb, TlbGeometry } from "./xen-model/hw/tlb.js";
export { Walk, WALK_OK, walk } from "./xen-model/hw/walk.js";
export type { IoClass, IoRange, MemoryMap } from "./xen-model/memory-map.js";
export type { PcpuTable } from "./xen-model/pcpu-table.js";
export type { HeldEntry, Recount } from "./xen-model/recount.js";
export type { VcpuTable } from "./xen-model/vcpu-table.js";
export type { Refusal, Refusals } from "./xen-model/refusals.js";
export type { Observed } from "./xen-model/observed.js";
export type { Processor } from "./xen-model/processor.js";
export type { XenTables } from "./xen-model/xen-tables.js";
export type { XenConfig } from "./xen-model/xen-config.js";
export { Xen } from "./xen-model/xen.js";

// Xen's address space on a whole host, and what each pCPU can reach of it.
export * from "./xen-model/layout/census.js";
export type { Domain, Vcpu } from "./xen-model/layout/domains.js";
export type * from "./xen-model/layout/frame-map.js";
export type * from "./xen-model/layout/host-config.js";
export { MODES, XenHost, type Mode, type Running } from "./xen-model/layout/host.js";
export type { IdleTables } from "./xen-model/layout/idle-tables.js";
export type { Pcpu } from "./xen-model/layout/pcpus.js";
export type { Ranges } from "./xen-model/layout/ranges.js";
export type { Reach, Reacher } from "./xen-model/layout/reach.js";
export type { Alias } from "./xen-model/layout/ret2dir.js";
export type { MapCache, MapDomainPage } from "./xen-model/mapcache.js";
export { DEFAULT_HOST, type HostSpec } from "./experiments/secrets/host-spec.js";
export * from "./experiments/secrets/secrets.js";
export * from "./experiments/secrets/staircase.js";

// The machine: both twins, booted; its fixtures; what must be so on it, and on Xen alone.
export { bootedMachine, type MachineOverrides } from "./machine/fixtures.js";
export { defaultGeometry, smallGeometry, type Geometry } from "./machine/geometry.js";
export * from "./machine/invariants.js";
export { Machine, type MachineConfig } from "./machine/machine.js";
export { type ByteRange, ReusedBytes } from "./machine/reused-bytes.js";
export type { Invariant } from "./xen-model/invariant.js";
export { INVARIANTS as XEN_INVARIANTS, brokenInvariants } from "./xen-model/invariants.js";

// Generated work: operations that are meaningful on any machine.
export {
  countGenerated,
  driveGenerated,
  type Finding,
  type GeneratedWork,
} from "./experiments/synthetic/drive.js";
export { OPS, randomOps, type Op, type OpName } from "./experiments/synthetic/ops.js";
export { promiseTable, renderPromiseTable, type PromiseRow } from "./experiments/synthetic/promise-table.js";
export type { Rates } from "./experiments/synthetic/happenings.js";
export {
  type RatedProcessor,
  runRates,
  type RatedOutcome,
  type RatedWork,
} from "./experiments/synthetic/rates.js";
export { runOp, start as startFirstProcess } from "./experiments/synthetic/run-ops.js";
export { sayOp, shortestHistory, type History } from "./experiments/synthetic/shortest-history.js";

// The evaluation: proposals on recordings of real programs, judged and priced.
export { BUNDLED } from "./experiments/bundled.js";
export { compare, type Comparison } from "./experiments/costs/comparison.js";
export { PriceDraws } from "./experiments/costs/draws.js";
export { priceDifference, priceLedger, priceOf } from "./experiments/costs/price.js";
export {
  readProfile,
  type ConstantName,
  type EventPrice,
  type Profile,
} from "./experiments/costs/profile.js";
export { coefficientsOf } from "./experiments/costs/terms.js";
export {
  BASELINE,
  evaluate,
  loadProposal,
  loadProposals,
  type EvaluateOptions,
  type Kernel,
} from "./experiments/evaluate.js";
export type * from "./experiments/results.js";
export { runWorkload, type Cell, type CellResult, type RunOutcome } from "./experiments/run/run-workload.js";

// The checker: the states of any model explored, and counterexamples shown.
export { renderCounterexample, stepsOf, type PathStep } from "./checker/columns.js";
export { explore, type StrategyOptions } from "./checker/explore.js";
export { fromIdentifier, toIdentifier, type NamedRun } from "./checker/identifier.js";
export { toItf, type ItfTrace } from "./checker/itf.js";
export { minimise } from "./checker/minimise.js";
export { toMochaTest, type TestSetting } from "./checker/mocha-text.js";
export { Words, type Action, type Model, type ModelSource, type Property } from "./checker/model.js";
export type { ExploreOptions, FirstSeen, Progress } from "./checker/options.js";
export type {
  Bounds,
  Counterexample,
  Ended,
  Outcome,
  PropertyResult as CheckedProperty,
  Soundness,
} from "./checker/outcome.js";
export type { PctOptions } from "./checker/pct.js";
export { sayWhatItRestsOn } from "./checker/statement.js";
export { toTimeline, type Timeline } from "./checker/timeline.js";
export { makePvModel, type PvModel, type PvModelOptions } from "./experiments/check/pv-model.js";
export { PvState } from "./experiments/check/pv-state.js";
export { PvRegisters } from "./experiments/check/registers.js";
export type { Bounds as SceneBounds } from "./experiments/check/bounds.js";
export type { Scene } from "./experiments/check/scene.js";
export type { L4 } from "./experiments/check/l4-roles.js";
export { L4Pool } from "./experiments/check/l4-pool.js";
export { MmLife } from "./linux-mm-model/mm-life.js";
export { CallSingleData } from "./linux-mm-model/xen/leave-tables.js";
export { PudRegisters } from "./linux-mm-model/pgtable.js";
export { RequestRegisters } from "./xen-model/request-registers.js";
