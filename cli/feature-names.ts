/** Names of features, as users and proposals give them: which note says them, and what a bit is called. */
import { XENFEAT } from "../abi/features.js";
import { XEN_ELFNOTE_SUPPORTED_FEATURES } from "../abi/elf-notes.js";
import { BadInput } from "../abi/bad-input.js";
import type { Flag } from "../elfnotes/can-advertise.js";
import { type KernelImage, noteValue } from "../elfnotes/read-image.js";
import type { FeatureName } from "../elfnotes/write/feature-edit.js";

/** The flags of the bundled proposals, and of the one that `proposal` names; a name once. */
export async function proposalFlags(proposal?: string): Promise<Flag[]> {
  const { loadProposal, loadProposals } = await import("../experiments/evaluate.js");
  const named = proposal === undefined ? [] : [loadProposal(proposal)];
  const flags = new Map<string, Flag>();
  for (const { feature } of [...named, ...loadProposals([])]) {
    if (feature !== undefined && !flags.has(feature.name)) flags.set(feature.name, feature);
  }
  return [...flags.values()];
}

/** `bit 21`, as the notes say it, by the name that a proposal gives it; other names as they are. */
export async function withProposalNames(names: readonly string[]): Promise<string[]> {
  if (!names.some((name) => name.startsWith("bit "))) return [...names];
  const flags = (await proposalFlags()).filter(({ advertised }) => advertised === "supported-features");
  return names.map((name) => flags.find(({ bit }) => name === `bit ${bit}`)?.name ?? name);
}

/**
 * Where `name` is said in the notes of `image`: as its proposal advertises it; a name of Xen's as a bit, if the
 * image has bits or libelf does not parse the name; any other name in FEATURES.
 *
 * Errors: BadInput, for what no note says, or cannot be a name.
 */
export function featureNameOf(name: string, image: KernelImage, flags: readonly Flag[]): FeatureName {
  const flag = flags.find((f) => f.name === name);
  if (flag !== undefined) {
    if (flag.advertised === "vm-assist") {
      throw new BadInput(
        `--feature ${name}`,
        "",
        "is enabled by vm_assist when the guest runs, so no note says it",
        "let the proposal advertise it by supported-features or features-string",
      );
    }
    return { name, bit: flag.bit, way: flag.advertised };
  }
  const known = XENFEAT.find((feature) => feature.name === name);
  if (known !== undefined) {
    const hasBits = noteValue(image, XEN_ELFNOTE_SUPPORTED_FEATURES) !== undefined;
    return {
      name,
      bit: known.bit,
      way: hasBits || !known.inFeaturesNote ? "supported-features" : "features-string",
    };
  }
  if (!/^[A-Za-z_]\w{0,61}$/.test(name)) {
    throw new BadInput(
      `--feature ${name}`,
      "",
      "cannot be a name in FEATURES",
      "take letters, digits and _, at most 62, as in exclusive_l4",
    );
  }
  return { name, bit: undefined, way: "features-string" };
}
