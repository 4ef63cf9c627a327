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
 * - **Cost**: {@link priceLedger} and {@link priceDifference}, with the constants of {@link readProfile}.
 *
 * Names that exist in Linux or Xen are spelled as there.
 *
 * @module
 */

// The ABI: what crosses the line between guest and Xen. Numbers and layouts come whole, since a design may need any.
export * from "./abi/errno.js";
export * from "./abi/features.js";
export * from "./abi/frames.js";
export * from "./abi/layout.js";
export * from "./abi/mmu-update.js";
export * from "./abi/mmuext-op.js";
export * from "./abi/page.js";
export { CallBuffer, type CallCapacity } from "./abi/hypercalls.js";
export type { Hypervisor } from "./abi/hypervisor.js";
export type { Guest } from "./abi/upcalls.js";

// A proposal: the idea as data, from an object or a YAML file.
export { BadInput } from "./abi/bad-input.js";
export { defineProposal, readProposal, type Proposal, type ProposalIdea } from "./abi/proposal.js";
export { checkDesigns } from "./machine/known-designs.js";

// What both twins are made of: state in one buffer, paths of atomic steps, counted events.
export { EV, EVENT_NAMES, eventDefinition, type EventName, type Side } from "./abi/events.js";
export { CAUSE, CAUSES, Ledger, type Cause } from "./abi/ledger.js";
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

// The Linux twin, and what a top-level design is written with.
export type { LinuxConfig } from "./linux-mm-model/config.js";
export { Linux } from "./linux-mm-model/linux.js";
export { INIT_MM, NO_MM } from "./linux-mm-model/mm-struct.js";
export { NO_TASK } from "./linux-mm-model/task-struct.js";
export { leave_mm } from "./linux-mm-model/tlb.js";
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
export { smp_call_function } from "./linux-mm-model/xen/cr3.js";
export {
  xen_extend_mmu_update,
  xen_extend_mmuext_op,
  xen_mc_batch,
  xen_mc_flush,
  xen_mc_issue,
} from "./linux-mm-model/xen/multicalls.js";

// The Xen twin, and what a root design is written with.
export { copy_guest_slots, move_window } from "./xen-model/root/copy-slots.js";
export { l4_used_elsewhere } from "./xen-model/root/l4-uses.js";
export {
  registerRootDesign,
  rootDesigns,
  type RootDesign,
  type RootDesignClass,
} from "./xen-model/root/root-design.js";
export { SharedRoot } from "./xen-model/root/shared.js";
export { VcpuRoot } from "./xen-model/root/vcpu-root.js";
export { XptiCopyAlwaysRoot, XptiRoot } from "./xen-model/root/xpti.js";
export { ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE, type Access } from "./xen-model/hw/control.js";
export type { XenConfig } from "./xen-model/xen-config.js";
export { Xen } from "./xen-model/xen.js";

// The machine: both twins, booted; its fixtures; what must be so on it, and on Xen alone.
export { bootedMachine, type MachineOverrides } from "./machine/fixtures.js";
export { defaultGeometry, smallGeometry, type Geometry } from "./machine/geometry.js";
export * from "./machine/invariants.js";
export { Machine, type MachineConfig } from "./machine/machine.js";
export { INVARIANTS as XEN_INVARIANTS, brokenInvariants, type Invariant } from "./xen-model/invariants.js";

// Generated work: operations that are meaningful on any machine.
export {
  countGenerated,
  driveGenerated,
  type EventCounts,
  type Finding,
  type GeneratedWork,
} from "./experiments/synthetic/drive.js";
export { OPS, randomOps, type Op, type OpName } from "./experiments/synthetic/ops.js";
export { promiseTable, renderPromiseTable, type PromiseRow } from "./experiments/synthetic/promise-table.js";
export { runOp, start as startFirstProcess } from "./experiments/synthetic/run-ops.js";
export { sayOp, shortestHistory, type History } from "./experiments/synthetic/shortest-history.js";

// The evaluation: proposals on recordings of real programs, judged and priced.
export { BUNDLED } from "./experiments/bundled.js";
export { priceDifference, priceLedger, priceOf } from "./experiments/costs/price.js";
export {
  readProfile,
  type ConstantName,
  type EventPrice,
  type Profile,
} from "./experiments/costs/profile.js";
export {
  BASELINE,
  evaluate,
  loadProposal,
  loadProposals,
  type EvaluateOptions,
  type Kernel,
} from "./experiments/evaluate.js";
export type * from "./experiments/results.js";
export {
  runOnce,
  runWorkload,
  type Cell,
  type CellResult,
  type RunOutcome,
  type SingleRun,
} from "./experiments/run/run-workload.js";
