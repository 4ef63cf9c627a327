/**
 * Would a Xen load the guest as PV, and which checks does it pass?
 *
 * Mirrors: elf_xen_parse() and what it calls, xen/common/libelf/libelf-dominfo.c; xc_dom_parse_image(),
 * tools/libs/guest/xg_dom_core.c; dom0_construct(), xen/arch/x86/pv/dom0_build.c.
 * Differs: addresses are not checked (elf_xen_addr_calc_check()), nor memory.
 */
import { XENFEAT, XENFEAT_dom0, XENFEAT_supervisor_mode_kernel, xenfeatName } from "../../abi/features.js";
import { featureTokens } from "../parse-features.js";
import type { Chain } from "./chain.js";
import type { Guest } from "./guest.js";
import type { Xen } from "./xen.js";

export type Role = "domU" | "dom0";

/** Who loads it: a toolstack, Xen itself for dom0, or the Xen of a shim, for which the guest is the first domain. */
type Way = Role | "shim";

const LIBELF = "xen/common/libelf/libelf-dominfo.c";
const FEATURES = ["elf_xen_parse_features()", LIBELF] as const;
const NOTE = ["elf_xen_parse_note()", LIBELF] as const;
const NOTE_CHECK = ["elf_xen_note_check()", LIBELF] as const;
const BZIMAGE = ["xc_dom_probe_bzimage_kernel()", "tools/libs/guest/xg_dom_bzimageloader.c"] as const;
const DECOMPRESS = ["decompress()", "xen/common/decompress.c"] as const;
const PARSE_ELF = ["xc_dom_parse_elf_kernel()", "tools/libs/guest/xg_dom_elfloader.c"] as const;
const PARSE_IMAGE = ["xc_dom_parse_image()", "tools/libs/guest/xg_dom_core.c"] as const;
const INITDOM = ["initdom_check_parms()", "xen/arch/x86/dom0_build.c"] as const;
const CONSTRUCT = ["dom0_construct()", "xen/arch/x86/pv/dom0_build.c"] as const;

/** As what the user sees a refusal of libelf's. */
function messageOf(xen: Xen, way: Way, ofToolstack: string): string {
  if (way === "domU") return ofToolstack;
  const panic =
    xen.name === "4.1"
      ? "Could not set up DOM0 guest OS"
      : xen.name === "4.17"
        ? "Could not construct domain 0"
        : "Could not construct d0";
  return way === "dom0" ? `panic: ${panic}` : `panic of the shim: ${panic}`;
}

/** f_supported and f_required of submap 0. */
export interface Parsed {
  supported: number;
  required: number;
}

/** Load `guest`; the chain has the checks, and the refusal if this returns undefined. */
export function load(guest: Guest, xen: Xen, way: Way, chain: Chain): Parsed | undefined {
  const parsed = { supported: 0, required: 0 };
  const loads =
    unpacks(guest, xen, way, chain) &&
    parse(guest, xen, way, parsed, chain) &&
    noteCheck(guest, xen, way, chain) &&
    (way === "domU" ? toolstackCheck(parsed, chain) : dom0Check(guest, xen, way, parsed, chain));
  return loads ? parsed : undefined;
}

function unpacks({ compression }: Guest, xen: Xen, way: Way, chain: Chain): boolean {
  if (compression === "none") return true;
  const at = way === "domU" ? BZIMAGE : DECOMPRESS;
  if (xen.compressions.has(compression)) {
    chain.pass(at, `unpacks ${compression}`);
    return true;
  }
  const by = way === "domU" ? "toolstack" : "dom0 builder";
  return chain.refuse(
    at,
    `does not know ${compression}`,
    by,
    messageOf(xen, way, "unknown compression format"),
  );
}

/** Mirrors: elf_xen_parse_features() and the case XEN_ELFNOTE_SUPPORTED_FEATURES of elf_xen_parse_note(). */
function parse(guest: Guest, xen: Xen, way: Way, parsed: Parsed, chain: Chain): boolean {
  for (const token of guest.texts.flatMap(featureTokens)) {
    const required = token.startsWith("!");
    const name = required ? token.slice(1) : token;
    if (name === "" && !required && xen.since42) continue;
    if (xen.features.has(name)) {
      const bit = bitOf(name, xen);
      parsed.supported = (parsed.supported | (1 << bit)) >>> 0;
      if (required) parsed.required = (parsed.required | (1 << bit)) >>> 0;
      chain.pass(FEATURES, required ? `takes ${name} as required` : `takes ${name} as supported`);
      continue;
    }
    if (!required && xen.since42) {
      chain.pass(FEATURES, `skips ${name}, a plain name that it does not know`);
      continue;
    }
    const what = required ? `!${name}` : `${name}, as Xen before 4.2 does with any unknown name`;
    if (guest.source === "__xen_guest") {
      chain.pass(FEATURES, `stops at ${what}; elf_xen_parse() drops that error of __xen_guest`);
      break;
    }
    const message = messageOf(xen, way, "-EINVAL of elf_xen_parse()");
    return chain.refuse(FEATURES, `does not know ${what}, and returns -1`, "libelf", message);
  }
  if (guest.words.length === 0) return true;
  if (!xen.since42) {
    chain.pass(NOTE, "does not know note 17, SUPPORTED_FEATURES, and ignores it");
    return true;
  }
  for (const word of guest.words) parsed.supported = (parsed.supported | word) >>> 0;
  chain.pass(NOTE, `takes 0x${guest.words.at(-1)!.toString(16)} of SUPPORTED_FEATURES as it is`);
  return true;
}

/** A name that a proposal adds has the bit that the proposal gives it. */
function bitOf(name: string, xen: Xen): number {
  return XENFEAT.find((feature) => feature.name === name)?.bit ?? xen.proposal!.feature!.bit;
}

function noteCheck(guest: Guest, xen: Xen, way: Way, chain: Chain): boolean {
  const refuse = (says: string, message: string) =>
    chain.refuse(NOTE_CHECK, says, "libelf", messageOf(xen, way, message));
  if (!guest.forX86)
    return refuse("is not reached: the image is for another machine", "Mismatch of architectures");
  if (guest.source === "none") return refuse("finds neither notes nor __xen_guest", "Not a Xen-ELF image");
  if (!guest.loader.startsWith("generic") && !guest.guestOs.startsWith("linux")) {
    const says = `wants LOADER generic or GUEST_OS linux, not "${guest.loader}" and "${guest.guestOs}"`;
    return refuse(says, "Will only load images built for the generic loader or Linux images");
  }
  if (!guest.xenVersion.startsWith("xen-3.0")) {
    return refuse(
      `wants XEN_VERSION xen-3.0, not "${guest.xenVersion}"`,
      "Xen will only load images built for Xen v3.0",
    );
  }
  chain.pass(NOTE_CHECK, "finds the guest made for Xen 3.0");
  return true;
}

/** The toolstack compares the guest with itself and its configuration, never with Xen. */
function toolstackCheck({ supported, required }: Parsed, chain: Chain): boolean {
  if (has(required, XENFEAT_dom0)) {
    const message = "Kernel does not support unprivileged (DomU) operation";
    return chain.refuse(PARSE_ELF, "finds dom0 required", "toolstack", message);
  }
  chain.pass(PARSE_ELF, "finds no dom0 required");
  const missing = required & ~supported;
  if (missing !== 0) {
    const name = xenfeatName(31 - Math.clz32(missing));
    return chain.refuse(
      PARSE_IMAGE,
      `finds ${name} not supported`,
      "toolstack",
      "unsupported feature requested",
    );
  }
  chain.pass(PARSE_IMAGE, "finds what is required among what the guest supports, and does not ask Xen");
  return true;
}

function dom0Check(
  { words }: Guest,
  xen: Xen,
  way: Way,
  { supported, required }: Parsed,
  chain: Chain,
): boolean {
  if (way === "dom0" && xen.since42 && words.length > 0) {
    if (!has(supported, XENFEAT_dom0)) {
      const message = "Kernel does not support Dom0 operation";
      return chain.refuse(INITDOM, "finds SUPPORTED_FEATURES without dom0", "dom0 builder", message);
    }
    chain.pass(INITDOM, "finds dom0 in SUPPORTED_FEATURES");
  }
  if (has(required, XENFEAT_supervisor_mode_kernel)) {
    const message = "Dom0 requires supervisor-mode execution";
    return chain.refuse(CONSTRUCT, "finds supervisor_mode_kernel required", "dom0 builder", message);
  }
  chain.pass(CONSTRUCT, "asks for nothing else");
  return true;
}

function has(bits: number, bit: number): boolean {
  return (bits & (1 << bit)) !== 0;
}
