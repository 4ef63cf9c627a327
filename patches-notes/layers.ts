/** To which part of Linux or Xen a file belongs: the parts that reviewers weigh a change by. */
import type { Project } from "./source-tree.js";

type Rule = readonly [prefix: RegExp, layer: string];

const LINUX: readonly Rule[] = [
  [/^arch\/x86\/xen\//, "arch/x86/xen"],
  [/^(?:include|drivers)\/xen\/|^arch\/x86\/include\/asm\/xen\//, "xen interface"],
  [/^arch\/x86\//, "other x86"],
  [/^arch\//, "other architectures"],
  [/^(?:mm\/|include\/(?:linux|asm-generic)\/(?:mm|pgtable|pgalloc|tlb))/, "generic mm"],
  [/^(?:kernel\/|include\/linux\/(?:sched|mmu_context))/, "scheduler and fork"],
  [/^fs\//, "fs"],
  [/^Documentation\//, "documentation"],
];

const XEN: readonly Rule[] = [
  [/^xen\/include\/public\//, "public headers"],
  [/^xen\/arch\/x86\//, "xen/arch/x86"],
  [/^xen\/common\//, "xen/common"],
  [/^tools\//, "toolstack"],
  [/^docs\//, "documentation"],
];

export function layerOf(project: Project, path: string): string {
  const rules = project === "linux" ? LINUX : XEN;
  return rules.find(([prefix]) => prefix.test(path))?.[1] ?? "other";
}
