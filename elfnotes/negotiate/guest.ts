/** What a guest says of itself: today's Linux, the same with a proposal's flag, or the notes of an image. */
import {
  XEN_ELFNOTE_FEATURES,
  XEN_ELFNOTE_GUEST_OS,
  XEN_ELFNOTE_LOADER,
  XEN_ELFNOTE_SUPPORTED_FEATURES,
  XEN_ELFNOTE_XEN_VERSION,
} from "../../abi/elf-notes.js";
import { XENFEAT_dom0, XENFEAT_linux_rsdp_unrestricted } from "../../abi/features.js";
import { canAdvertise, type Flag } from "../can-advertise.js";
import { wordsOf } from "../decode-note.js";
import { EM_386, EM_X86_64 } from "../elf.js";
import { type KernelImage, noteValue } from "../read-image.js";
import type { Compression } from "../unpack.js";
import { editFeatures } from "../write/feature-edit.js";

/** How far a guest goes: it has not got the flag, it can do with a Xen without it, or it cannot. */
export const FLAG_STATES = ["none", "supported", "required"] as const;

export type FlagState = (typeof FLAG_STATES)[number];

export interface Guest {
  readonly name: string;
  readonly loader: string;
  readonly guestOs: string;
  readonly xenVersion: string;
  /** Texts of FEATURES, in order. */
  readonly texts: readonly string[];
  /** First words of SUPPORTED_FEATURES notes; none without such a note. */
  readonly words: readonly number[];
  /** The notes are those of __xen_guest, whose errors the parser's caller drops; or there are none. */
  readonly source: "notes" | "__xen_guest" | "none";
  readonly forX86: boolean;
  /** Of a bzImage; none otherwise. */
  readonly compression: Compression;
  readonly flag: FlagState;
  /** The guest asks for the flag by vm_assist when it runs; no note says so. */
  readonly asksByVmAssist: boolean;
}

/** Mirrors: arch/x86/xen/xen-head.S of Linux 6.1. */
const LINUX: Guest = {
  name: "old",
  loader: "generic",
  guestOs: "linux",
  xenVersion: "xen-3.0",
  texts: ["!writable_page_tables|pae_pgdir_above_4gb"],
  words: [1 | (1 << XENFEAT_dom0) | (1 << XENFEAT_linux_rsdp_unrestricted)],
  source: "notes",
  forX86: true,
  compression: "gzip",
  flag: "none",
  asksByVmAssist: false,
};

/** A Linux of today, and one that has the flag. */
export const GUESTS = ["old", "new"] as const;

export type GuestName = (typeof GUESTS)[number];

/**
 * The Linux of that name. An old one has not got the flag, whatever `state` is asked for: the row then tells what
 * becomes of it where new guests would have it so.
 */
export function linux(name: GuestName, flag: Flag | undefined, state: Exclude<FlagState, "none">): Guest {
  if (name === "old" || flag === undefined) return { ...LINUX, name };
  const guest = { ...LINUX, name, flag: state };
  if (flag.advertised === "vm-assist") return { ...guest, asksByVmAssist: true };
  const edit = { name: flag.name, bit: flag.bit, way: flag.advertised, state };
  return { ...guest, ...editFeatures(LINUX, edit, LINUX.words[0]!) };
}

/** The guest in an image. That it enables a flag by vm_assist cannot be seen in it. */
export function guestOf(name: string, image: KernelImage, flag: Flag | undefined): Guest {
  const { notes, source, elf, features } = image;
  const has = flag !== undefined && canAdvertise(image, flag).negotiates;
  const required = flag !== undefined && features.required.includes(flag.name);
  return {
    name,
    loader: noteValue(image, XEN_ELFNOTE_LOADER) ?? "",
    guestOs: noteValue(image, XEN_ELFNOTE_GUEST_OS) ?? "",
    xenVersion: noteValue(image, XEN_ELFNOTE_XEN_VERSION) ?? "",
    texts: notes.filter(({ type }) => type === XEN_ELFNOTE_FEATURES).map(({ value }) => value),
    words: notes.flatMap(({ type, raw }) =>
      type === XEN_ELFNOTE_SUPPORTED_FEATURES && raw !== undefined ? [wordsOf(raw.desc)[0] ?? 0] : [],
    ),
    source: source === "PT_NOTE" || source === "SHT_NOTE" ? "notes" : source,
    forX86: elf.machine === EM_X86_64 || elf.machine === EM_386,
    compression: image.format === "bzImage" ? image.compression : "none",
    flag: required ? "required" : has ? "supported" : "none",
    asksByVmAssist: false,
  };
}
