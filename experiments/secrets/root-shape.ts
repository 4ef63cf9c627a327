/**
 * Which L4s a proposal's root design loads, found by looking at a machine that runs it: so a design that is new here
 * is censused like those that come along.
 */
import type { Proposal } from "../../abi/proposal.js";
import { PCI_MCFG_SLOT } from "../../abi/layout.js";
import { _PAGE_PRESENT } from "../../abi/page.js";
import { bootedMachine } from "../../machine/fixtures.js";
import type { Machine } from "../../machine/machine.js";
import type { RootShape } from "../../xen-model/layout/host-config.js";
import { start } from "../synthetic/run-ops.js";

export interface Roots {
  readonly root: RootShape;
  /** No two pCPUs have one L4, in the guest or in Xen: the roots are Xen's, or the audit sees to it. */
  readonly uniqueL4s: boolean;
}

/**
 * The shape of roots under `proposal`.
 *
 * Errors: RangeError for a design that has next to nothing of Xen mapped while Xen runs, which no Xen can.
 */
export function rootsOf(proposal: Proposal): Roots {
  const machine = bootedMachine(proposal);
  start(machine);
  machine.return_to_user(0);
  const inGuest = shapeOf(machine, machine.guest_cr3(0));
  machine.syscall(0);
  const inXen = shapeOf(machine, machine.xen_cr3(0));
  if (inXen === "pcpu")
    throw new RangeError(`${proposal.name}: Xen does not run on a root without its own slots`);
  return { root: { inGuest, inXen }, uniqueL4s: inXen === "vcpu" || proposal.xen.exclusive };
}

/** The guest's own L4, or a root of Xen's: with all of Xen's slots, or with those that entry needs. */
function shapeOf(machine: Machine, l4: number): RootShape["inGuest"] {
  if (l4 >= machine.config.geometry.nrXenFrames) return "guest";
  const all = (machine.memory.flags(l4, PCI_MCFG_SLOT) & _PAGE_PRESENT) !== 0;
  return all ? "vcpu" : "pcpu";
}
