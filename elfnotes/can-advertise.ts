/**
 * Could the guest in an image negotiate the flag of a proposal?
 *
 * A name or bit in the notes is the guest's half of it. Xen's half is the proposal's: nothing in Xen 4.17 or
 * its toolstack acts on a flag that it does not know, so advertising one does no harm, but for a required name.
 */
import { XEN_ELFNOTE_FEATURES, XEN_ELFNOTE_SUPPORTED_FEATURES } from "../abi/elf-notes.js";
import type { Proposal } from "../abi/proposal.js";
import { whyNotLoaded } from "./note-check.js";
import { type KernelImage, noteValue } from "./read-image.js";

/** As a proposal names it: abi/proposal.ts. */
export type Flag = NonNullable<Proposal["feature"]>;

export interface Negotiation {
  readonly negotiates: boolean;
  readonly reason: string;
}

/** Whether the image advertises `flag` where the proposal says that a guest does, and why. */
export function canAdvertise(image: KernelImage, flag: Flag): Negotiation {
  switch (flag.advertised) {
    case "supported-features":
      return pvOnly(image, inSupportedFeatures(image, flag));
    case "features-string":
      return inFeaturesString(image, flag);
    case "vm-assist":
      return no(
        `the guest enables ${flag.name} by vm_assist when it runs, and no note tells whether it does`,
      );
  }
}

function inSupportedFeatures(image: KernelImage, { bit, name }: Flag): Negotiation {
  const word = noteValue(image, XEN_ELFNOTE_SUPPORTED_FEATURES);
  if ((image.features.supportedBits & (1 << bit)) !== 0) {
    return yes(`the notes say that the guest supports bit ${bit} (${name})`);
  }
  if (word === undefined) return no(`the image has no SUPPORTED_FEATURES note, so no bit ${bit} (${name})`);
  return no(`SUPPORTED_FEATURES is ${word}, without bit ${bit} (${name})`);
}

/** With `!`, a Xen that does not know the name refuses the image; the one of the proposal takes it. */
function inFeaturesString(image: KernelImage, { name }: Flag): Negotiation {
  const { supported, required, refused } = image.features;
  if (refused !== undefined && refused !== name)
    return no(`the image requires ${refused}, which Xen does not know`);
  if (required.includes(name)) return yes(`FEATURES requires ${name}; a Xen without it refuses the image`);
  if (supported.includes(name))
    return pvOnly(image, yes(`FEATURES has ${name}; a Xen without it skips the name`));
  const text = noteValue(image, XEN_ELFNOTE_FEATURES);
  return no(text === undefined ? "the image has no FEATURES note" : `FEATURES is "${text}", without ${name}`);
}

/** What Xen does not load as a PV guest has nothing to negotiate. */
function pvOnly(image: KernelImage, answer: Negotiation): Negotiation {
  const why = whyNotLoaded(image, "pv") && whyNotLoaded(image, "pv dom0");
  return why === undefined ? answer : no(`Xen does not load the image as a PV guest: ${why}`);
}

function yes(reason: string): Negotiation {
  return { negotiates: true, reason };
}

function no(reason: string): Negotiation {
  return { negotiates: false, reason };
}
