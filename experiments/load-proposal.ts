/**
 * Proposals by name, or from a file: alone, as what an evaluation needs besides takes its time to load.
 */
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { BadInput } from "../abi/bad-input.js";
import type * as ProposalFile from "../abi/proposal.js";
import type { Proposal } from "../abi/proposal.js";
import { checkDesigns } from "../machine/known-designs.js";
import { builtEntry, type BuiltTable, readAsBuilt } from "./as-built.js";
import { dataFolder } from "./bundled.js";

/** The proposals that come with the project, by name. */
const PROPOSAL_DIR = dataFolder("abi", "proposals");

/** Baseline of every comparison. */
export const BASELINE = "shared";

/**
 * Read the proposals, the baseline always among them and first.
 *
 * Errors: BadInput, also for two that differ and have one name.
 */
export function loadProposals(wanted: readonly (string | Proposal)[]): Proposal[] {
  const byName = new Map<string, Proposal>();
  for (const one of [BASELINE, ...(wanted.length === 0 ? inOrder(knownProposals()) : wanted)]) {
    const proposal = loadProposal(one);
    const { name } = proposal;
    const present = byName.get(name);
    if (present !== undefined && !isDeepStrictEqual(present, proposal)) {
      const file = typeof one === "string" ? one : `proposal ${name}`;
      throw new BadInput(file, "name", `another proposal is called ${name}`, "give each its own name");
    }
    byName.set(name, proposal);
  }
  return [...byName.values()];
}

/** Read the proposal of that name, or of that YAML file, and see that there are its designs. Errors: BadInput. */
export function loadProposal(wanted: string | Proposal): Proposal {
  if (typeof wanted !== "string") return checkDesigns(wanted, `proposal ${wanted.name}`);
  if (/\.ya?ml$/.test(wanted)) return checkDesigns(readProposal(wanted), wanted);
  const known = knownProposals();
  if (!known.includes(wanted)) {
    throw new BadInput(
      wanted,
      "",
      "is no proposal",
      `name a YAML file, or one of ${known.sort().join(", ")}`,
    );
  }
  const proposal = readAsBuilt<Proposal>("proposals", wanted, PROPOSAL_DIR) ?? readProposal(fileOf(wanted));
  return checkDesigns(proposal, fileOf(wanted));
}

/** For the build: the proposals that come with the project. */
export function readBundledProposals(): BuiltTable {
  const all = knownProposals().map((name) => {
    const file = fileOf(name);
    return [name, builtEntry(PROPOSAL_DIR, [basename(file)], readProposal(file))] as const;
  });
  return Object.fromEntries(all);
}

function readProposal(file: string): Proposal {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- not loaded where it has nothing to do
  return (require("../abi/proposal.js") as typeof ProposalFile).readProposal(file);
}

function fileOf(name: string): string {
  return join(PROPOSAL_DIR, `${name}.yaml`);
}

function knownProposals(): string[] {
  return readdirSync(PROPOSAL_DIR)
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => basename(file, ".yaml"));
}

/** Controls come last: their names begin so. */
function inOrder(names: readonly string[]): string[] {
  const others = names.filter((name) => !ORDER.includes(name)).sort();
  return [
    ...ORDER.filter((name) => names.includes(name)),
    ...others.filter((name) => !name.startsWith("control-")),
    ...others.filter((name) => name.startsWith("control-")),
  ];
}

/** The order of design discussions: from no isolation over Xen's answers to Linux's. */
const ORDER = [
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
];
