/**
 * Booted machines for tests and generated work, with defaults that are boring.
 */
import type { Proposal } from "../abi/proposal.js";
import { smallGeometry } from "./geometry.js";
import { Machine, type MachineConfig } from "./machine.js";

/** What a fixture may differ in. */
export type MachineOverrides = Partial<Omit<MachineConfig, "proposal">> & {
  /** CPUs of the small geometry that is the default. */
  readonly nrCpus?: number;
};

/**
 * A small machine, booted, on which nothing else has happened: two CPUs, PCID, and an audit that counts what it must
 * refuse, and lets it through.
 *
 * Errors: RangeError for a proposal whose designs nobody registered.
 */
export function bootedMachine(proposal: Proposal, overrides: MachineOverrides = {}): Machine {
  const { nrCpus = 2, pcid = true, ...others } = overrides;
  const geometry = smallGeometry(nrCpus);
  return new Machine({ geometry, audit: "observe", invpcid: pcid, ...others, pcid, proposal }).boot();
}
