/**
 * Which designs a proposal may name: those of the twins' registries, and what was registered at run time.
 */
import { BadInput } from "../abi/bad-input.js";
import type { Proposal } from "../abi/proposal.js";
import { isInTopLevelRegistry, topLevelDesigns } from "../linux-mm-model/top-level/design.js";
import { isInRootRegistry, rootDesigns } from "../xen-model/root/root-design.js";

/**
 * The proposal, if there are the designs that it names.
 *
 * Errors: BadInput, naming `file`, the key, and the designs that there are.
 */
export function checkDesigns(proposal: Proposal, file: string): Proposal {
  const check = (key: string, name: string, known: string[], registry: string): void => {
    if (known.includes(name)) return;
    const remedy = `name one of ${known.join(", ")}, or add a line to ${registry}`;
    throw new BadInput(file, key, `${name} is no design`, remedy);
  };
  check("linux.top", proposal.linux.top, topLevelDesigns(), "linux-mm-model/top-level/registry.ts");
  check("xen.root", proposal.xen.root, rootDesigns(), "xen-model/root/registry.ts");
  const { container, root } = proposal.xen;
  if ((container === "pvh") !== (root === "monitor")) {
    const what = `root ${root} does not go with container ${container}`;
    throw new BadInput(file, "xen.root", what, "a PVH container has root monitor, and nothing else has");
  }
  return proposal;
}

/** Was a design of it registered at run time? A worker thread does not know it then. */
export function isOfThisThread({ linux, xen }: Proposal): boolean {
  return !isInTopLevelRegistry(linux.top) || !isInRootRegistry(xen.root);
}
