/** A small booted machine under a proposal that comes with the project. */
import { join } from "node:path";
import { readProposal, type Proposal } from "../../abi/proposal.js";
import { bootedMachine as booted, type MachineOverrides } from "../../machine/fixtures.js";
import type { Machine } from "../../machine/machine.js";

export const PROPOSALS = [
  "shared",
  "xpti-copy-always",
  "xpti",
  "xen-vcpu-root",
  "linux-per-thread",
  "linux-per-thread-eager",
  "linux-per-thread-unlazy",
  "linux-per-mm-vcpu",
  "linux-per-vcpu",
  "linux-per-vcpu-local-flush",
  "shim",
  "control-pv32",
  "control-pvh",
  "control-idle",
] as const;

export function proposal(name: string): Proposal {
  return readProposal(join(__dirname, "..", "..", "abi", "proposals", `${name}.yaml`));
}

/** Those whose guest is a 64-bit PV domain of the Xen that has the machine. */
export const PV_PROPOSALS = PROPOSALS.filter((name) => proposal(name).xen.container === "pv");

export function bootedMachine(name: string, overrides: MachineOverrides = {}): Machine {
  return booted(proposal(name), overrides);
}
