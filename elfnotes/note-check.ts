/**
 * Would Xen load the image?
 *
 * Mirrors: elf_xen_note_check(), xen/common/libelf/libelf-dominfo.c; initdom_check_parms() and
 * dom0_construct(), xen/arch/x86/pv/dom0_build.c.
 * Differs: addresses are not checked (elf_xen_addr_calc_check()).
 */
import {
  XEN_ELFNOTE_GUEST_OS,
  XEN_ELFNOTE_LOADER,
  XEN_ELFNOTE_PHYS32_ENTRY,
  XEN_ELFNOTE_SUPPORTED_FEATURES,
  XEN_ELFNOTE_XEN_VERSION,
} from "../abi/elf-notes.js";
import { XENFEAT_dom0, XENFEAT_supervisor_mode_kernel } from "../abi/features.js";
import { EM_386, EM_X86_64, machineName } from "./elf.js";
import { type ImageNotes, noteValue } from "./read-image.js";

/** How an image is to be started. */
export type GuestKind = "pv" | "pv dom0" | "pvh";

/** Why Xen 4.17 on x86 does not load the image as a guest of that kind; undefined if it does. */
export function whyNotLoaded(image: ImageNotes, kind: GuestKind): string | undefined {
  const { features, source, elf } = image;
  if (elf.machine !== EM_X86_64 && elf.machine !== EM_386) return `it is for ${machineName(elf.machine)}`;
  if (source === "none" || (kind === "pvh" && source === "__xen_guest")) return "it has no Xen notes";
  if (features.refused !== undefined && source !== "__xen_guest") {
    return `it requires ${features.refused}, which Xen 4.17 does not know`;
  }
  if (kind === "pvh" && noteValue(image, XEN_ELFNOTE_PHYS32_ENTRY) !== undefined) return undefined;
  return whyNotPv(image) ?? (kind === "pv dom0" ? whyNotDom0(image) : whyNotDomU(image, kind));
}

function whyNotPv(image: ImageNotes): string | undefined {
  const loader = noteValue(image, XEN_ELFNOTE_LOADER) ?? "";
  const os = noteValue(image, XEN_ELFNOTE_GUEST_OS) ?? "";
  if (!loader.startsWith("generic") && !os.startsWith("linux")) {
    return "neither is its loader generic nor the OS linux";
  }
  const version = noteValue(image, XEN_ELFNOTE_XEN_VERSION) ?? "";
  return version.startsWith("xen-3.0") ? undefined : "its XEN_VERSION does not begin with xen-3.0";
}

function whyNotDom0({ notes, features }: ImageNotes): string | undefined {
  const says = notes.some(({ type }) => type === XEN_ELFNOTE_SUPPORTED_FEATURES);
  if (says && !has(features.supportedBits, XENFEAT_dom0)) return "its SUPPORTED_FEATURES lacks dom0";
  const supervisor = has(features.requiredBits, XENFEAT_supervisor_mode_kernel);
  return supervisor ? "it requires supervisor_mode_kernel" : undefined;
}

function whyNotDomU({ features }: ImageNotes, kind: GuestKind): string | undefined {
  if (kind === "pvh") return "it has no PHYS32_ENTRY";
  return has(features.requiredBits, XENFEAT_dom0) ? "it requires dom0" : undefined;
}

function has(bits: number, bit: number): boolean {
  return (bits & (1 << bit)) !== 0;
}
