/**
 * Which steps lead from today's Xen to one that maps no secrets, and why a class is left where roots are shared.
 *
 * The order is that in which upstream proposes them: what is nearest to being merged first, what nobody has posted last. Each
 * step is a key of xen.layout, and so tables that are really built.
 */
import type { LayoutOptions } from "../../abi/proposal.js";
import type { SecretClass } from "../../xen-model/layout/census.js";

/** What one step changes, and how a report calls it. */
export interface StepPlan {
  readonly name: string;
  readonly change: Partial<LayoutOptions>;
  /** Needs L4s that no two pCPUs share. */
  readonly needsOwn?: boolean;
  /** Is one for designs with roots of Xen's own making. */
  readonly needsRoots?: boolean;
  /** What a proposal may have already that goes beyond it. */
  readonly beyond?: Partial<LayoutOptions>;
  /** The step has a price that the twins do not count. */
  readonly notCounted?: string;
}

export const PLAN: readonly StepPlan[] = [
  {
    name: "no directmap, mapcache of the domain",
    change: { directmap: false },
    notCounted: "mapping Xen heap pages when they are allocated, and flushing when they are freed",
  },
  { name: "a mapcache for each vCPU", change: { mapcache: "vcpu" } },
  {
    name: "EPT pages mapped on demand",
    change: { ept: "demand" },
    notCounted:
      "walks of HVM guests' tables, which are no part of recordings: see the anchors of directmap removal",
  },
  {
    name: "stacks and per-CPU data in the own L4",
    change: { percpu: "own" },
    needsOwn: true,
    notCounted: "reaching another pCPU's data through a mapping made for it",
  },
  {
    name: "pCPU 0's stack and per-CPU area out of Xen's image",
    change: { bootPercpu: "allocated" },
    needsOwn: true,
    notCounted: "moving both once, at boot: per-CPU data is reached by an offset already",
  },
  {
    name: "vCPU state in slot 260 of its domain",
    change: { vcpuState: "domain" },
    beyond: { vcpuState: "own" },
    notCounted:
      "mapping a vCPU of another domain for the scheduler, for an interrupt and for a context switch, which needs both FPU areas",
  },
  {
    name: "vCPU state in the own L4",
    change: { vcpuState: "own" },
    needsOwn: true,
    notCounted: "mapping a vCPU's FPU area when another pCPU needs it",
  },
  {
    name: "no linear map",
    change: { linearMap: false },
    notCounted: "what it saves: the flush behind L2+ edits could go (XSA-286)",
  },
  {
    name: "Xen's roots from the domain heap",
    change: { roots: "domheap" },
    needsRoots: true,
    notCounted: "leaving the assembly of restore_all_guest, in XPTI, to make the mapping",
  },
  {
    name: "struct domain, grant tables and event channels in slot 260 of their domain",
    change: { domainState: "domain" },
    notCounted:
      "mapping those of another domain: for each grant mapped or copied, each event sent to it, each hypercall that names it, and each interrupt that is its",
  },
];

/** Where pCPUs share L4s: why a class is left, and what would have to change. */
const LEFT_SHARED: Partial<Record<SecretClass, string>> = {
  other_vcpus:
    "L4s that pCPUs share have one slot 260 for all vCPUs of the domain; needs L4s that no two pCPUs share",
  other_stacks:
    "what a pCPU may take an exception on has to be mapped in every L4 that it may load; needs L4s that no two pCPUs share",
  percpu:
    "that of each pCPU has to be mapped in every L4 that it may load; needs L4s that no two pCPUs share",
  pagetables:
    "the mapcache of a domain keeps the roots of all pCPUs that run it mapped, in a slot 260 that they share; needs L4s that no two pCPUs share",
};

/** Why the last step has still some of `name` in reach. */
export function leftBecause(name: SecretClass, uniqueL4s: boolean): string {
  return (uniqueL4s ? undefined : LEFT_SHARED[name]) ?? "no step that is modelled takes it out of reach";
}
