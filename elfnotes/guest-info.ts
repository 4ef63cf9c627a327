/**
 * The section __xen_guest: one string of KEY=VALUE between commas, from before there were notes.
 *
 * Mirrors: elf_xen_parse_guest_info(), xen/common/libelf/libelf-dominfo.c.
 * Differs: keys that Xen ignores are kept.
 */
import {
  XEN_ELFNOTE_BSD_SYMTAB,
  XEN_ELFNOTE_ENTRY,
  XEN_ELFNOTE_FEATURES,
  XEN_ELFNOTE_GUEST_OS,
  XEN_ELFNOTE_GUEST_VERSION,
  XEN_ELFNOTE_HYPERCALL_PAGE,
  XEN_ELFNOTE_LOADER,
  XEN_ELFNOTE_PADDR_OFFSET,
  XEN_ELFNOTE_PAE_MODE,
  XEN_ELFNOTE_VIRT_BASE,
  XEN_ELFNOTE_XEN_VERSION,
} from "../abi/elf-notes.js";
import type { Note } from "./decode-note.js";
import type { ImageBytes } from "./image-bytes.js";

/** The note that each key stands for. */
const NOTE_OF_KEY = new Map([
  ["LOADER", XEN_ELFNOTE_LOADER],
  ["GUEST_OS", XEN_ELFNOTE_GUEST_OS],
  ["GUEST_VER", XEN_ELFNOTE_GUEST_VERSION],
  ["XEN_VER", XEN_ELFNOTE_XEN_VERSION],
  ["PAE", XEN_ELFNOTE_PAE_MODE],
  ["BSD_SYMTAB", XEN_ELFNOTE_BSD_SYMTAB],
  ["VIRT_BASE", XEN_ELFNOTE_VIRT_BASE],
  ["VIRT_ENTRY", XEN_ELFNOTE_ENTRY],
  ["ELF_PADDR_OFFSET", XEN_ELFNOTE_PADDR_OFFSET],
  ["HYPERCALL_PAGE", XEN_ELFNOTE_HYPERCALL_PAGE],
  ["FEATURES", XEN_ELFNOTE_FEATURES],
]);

const MAX_KEY = 31; // sizeof(name) - 1
const MAX_VALUE = 127; // sizeof(value) - 1

/**
 * Read the keys at `offset`, in order. Names stay the keys'; values stay text, as they stand.
 *
 * Errors: BadInput, if the text does not end in the image.
 */
export function readGuestInfo(bytes: ImageBytes, offset: number): Note[] {
  const text = bytes.string(offset, "__xen_guest");
  const entries = text.split(",").filter((entry) => entry !== "");
  return entries.map((entry) => {
    const [, key, value] = /^([^=]*)=?([^]*)$/.exec(entry)!;
    const type = NOTE_OF_KEY.get(key!) ?? null;
    const long = key!.length > MAX_KEY || value!.length > MAX_VALUE;
    return { type, name: key!, value: value!, remark: remarkOf(type, long) };
  });
}

function remarkOf(type: number | null, long: boolean): string {
  if (type === null) return "unknown key: ignored";
  return long ? `longer than ${MAX_VALUE} characters: the rest is read as a key of its own` : "";
}
