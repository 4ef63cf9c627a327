/**
 * ELF notes by which a kernel image tells Xen how to load it, and as what libelf reads each.
 *
 * Mirrors: xen/include/public/elfnote.h; note_desc[] in common/libelf/libelf-dominfo.c.
 */

export const XEN_ELFNOTE_INFO = 0;
export const XEN_ELFNOTE_ENTRY = 1;
export const XEN_ELFNOTE_HYPERCALL_PAGE = 2;
export const XEN_ELFNOTE_VIRT_BASE = 3;
export const XEN_ELFNOTE_PADDR_OFFSET = 4;
export const XEN_ELFNOTE_XEN_VERSION = 5;
export const XEN_ELFNOTE_GUEST_OS = 6;
export const XEN_ELFNOTE_GUEST_VERSION = 7;
export const XEN_ELFNOTE_LOADER = 8;
export const XEN_ELFNOTE_PAE_MODE = 9;
export const XEN_ELFNOTE_FEATURES = 10;
export const XEN_ELFNOTE_BSD_SYMTAB = 11;
export const XEN_ELFNOTE_HV_START_LOW = 12;
export const XEN_ELFNOTE_L1_MFN_VALID = 13;
export const XEN_ELFNOTE_SUSPEND_CANCEL = 14;
export const XEN_ELFNOTE_INIT_P2M = 15;
export const XEN_ELFNOTE_MOD_START_PFN = 16;
export const XEN_ELFNOTE_SUPPORTED_FEATURES = 17;
export const XEN_ELFNOTE_PHYS32_ENTRY = 18;
export const XEN_ELFNOTE_PHYS32_RELOC = 19;

/** Notes in what Xen and its tools write about a guest; in a kernel image they say nothing. */
export const XEN_ELFNOTE_CRASH_INFO = 0x1000001;
export const XEN_ELFNOTE_CRASH_REGS = 0x1000002;
export const XEN_ELFNOTE_DUMPCORE_NONE = 0x2000000;
export const XEN_ELFNOTE_DUMPCORE_HEADER = 0x2000001;
export const XEN_ELFNOTE_DUMPCORE_XEN_VERSION = 0x2000002;
export const XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION = 0x2000003;

/** Owner of the notes: other notes of an image are none of Xen's business. */
export const XEN_ELFNOTE_NAME = "Xen";

/**
 * How a description is read.
 *
 *   int     1, 2, 4 or 8 bytes; 0 if it has any other size
 *   string  up to the first NUL
 *   words   an array of 32-bit words; nothing if the size is no multiple of 4
 *   other   not read by Xen
 */
export type ElfNoteKind = "int" | "string" | "words" | "other";

export interface ElfNoteType {
  readonly type: number;
  /** Without XEN_ELFNOTE_. */
  readonly name: string;
  readonly kind: ElfNoteKind;
  readonly meaning: string;
}

const row = (type: number, name: string, kind: ElfNoteKind, meaning: string): ElfNoteType => ({
  type,
  name,
  kind,
  meaning,
});

/** In order of their numbers, without a gap: ELFNOTES[type]. */
export const ELFNOTES: readonly ElfNoteType[] = [
  row(XEN_ELFNOTE_INFO, "INFO", "other", "NAME=VALUE, for people"),
  row(XEN_ELFNOTE_ENTRY, "ENTRY", "int", "virtual address of the entry point"),
  row(XEN_ELFNOTE_HYPERCALL_PAGE, "HYPERCALL_PAGE", "int", "virtual address of the hypercall page"),
  row(XEN_ELFNOTE_VIRT_BASE, "VIRT_BASE", "int", "virtual address where the image goes"),
  row(XEN_ELFNOTE_PADDR_OFFSET, "PADDR_OFFSET", "int", "what p_paddr is off pseudo-physical by"),
  row(XEN_ELFNOTE_XEN_VERSION, "XEN_VERSION", "string", "interface version; begins with xen-3.0"),
  row(XEN_ELFNOTE_GUEST_OS, "GUEST_OS", "string", "linux, or the loader is generic"),
  row(XEN_ELFNOTE_GUEST_VERSION, "GUEST_VERSION", "string", "of the guest OS"),
  row(XEN_ELFNOTE_LOADER, "LOADER", "string", "generic, or the OS is linux"),
  row(XEN_ELFNOTE_PAE_MODE, "PAE_MODE", "string", "yes, no or bimodal (32-bit)"),
  row(XEN_ELFNOTE_FEATURES, "FEATURES", "string", "names of features; ! before those required"),
  row(XEN_ELFNOTE_BSD_SYMTAB, "BSD_SYMTAB", "string", "yes: load the symbol table too"),
  row(XEN_ELFNOTE_HV_START_LOW, "HV_START_LOW", "int", "lowest start of Xen's hole (32-bit)"),
  row(
    XEN_ELFNOTE_L1_MFN_VALID,
    "L1_MFN_VALID",
    "other",
    "mask and value of a not-present L1 entry with an MFN",
  ),
  row(XEN_ELFNOTE_SUSPEND_CANCEL, "SUSPEND_CANCEL", "int", "copes with a cancelled suspend"),
  row(XEN_ELFNOTE_INIT_P2M, "INIT_P2M", "int", "virtual address for the initial P2M"),
  row(XEN_ELFNOTE_MOD_START_PFN, "MOD_START_PFN", "int", "copes with an unmapped initrd"),
  row(XEN_ELFNOTE_SUPPORTED_FEATURES, "SUPPORTED_FEATURES", "words", "feature bits, a word for each submap"),
  row(XEN_ELFNOTE_PHYS32_ENTRY, "PHYS32_ENTRY", "int", "32-bit physical entry: bootable as PVH"),
  row(XEN_ELFNOTE_PHYS32_RELOC, "PHYS32_RELOC", "words", "a PVH kernel that may move: align, min, max"),
];

/** The last one that Xen 4.17 has; a higher number is logged as unknown and ignored. */
export const XEN_ELFNOTE_MAX_4_17 = XEN_ELFNOTE_PHYS32_ENTRY;

/** Names of the notes in dumps, without XEN_ELFNOTE_, by number. */
export const DUMP_NOTES: ReadonlyMap<number, string> = new Map([
  [XEN_ELFNOTE_CRASH_INFO, "CRASH_INFO"],
  [XEN_ELFNOTE_CRASH_REGS, "CRASH_REGS"],
  [XEN_ELFNOTE_DUMPCORE_NONE, "DUMPCORE_NONE"],
  [XEN_ELFNOTE_DUMPCORE_HEADER, "DUMPCORE_HEADER"],
  [XEN_ELFNOTE_DUMPCORE_XEN_VERSION, "DUMPCORE_XEN_VERSION"],
  [XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION, "DUMPCORE_FORMAT_VERSION"],
]);
