/**
 * Where the Xen notes of an ELF image are: PT_NOTE segments, else SHT_NOTE sections, else the text of the
 * section __xen_guest.
 *
 * Mirrors: elf_xen_parse() and elf_xen_parse_notes(), xen/common/libelf/libelf-dominfo.c.
 */
import { XEN_ELFNOTE_NAME } from "../abi/elf-notes.js";
import { type Elf, PT_NOTE, sectionByName, SHT_NOTE } from "./elf.js";
import type { ImageBytes } from "./image-bytes.js";

/** A note of Xen's, undecoded. Offsets are of the ELF image. */
export interface RawNote {
  readonly type: number;
  /** Of the note's header. */
  readonly offset: number;
  readonly descOffset: number;
  readonly desc: Uint8Array;
}

export type NoteSource = "PT_NOTE" | "SHT_NOTE" | "__xen_guest" | "none";

export interface FoundNotes {
  readonly source: NoteSource;
  /** In order; of PT_NOTE and SHT_NOTE. */
  readonly notes: readonly RawNote[];
  /** Offset of the text of __xen_guest, where that is the source. */
  readonly guestInfo?: number;
}

/** Mirrors: ELF_MAX_TOTAL_NOTE_COUNT, all owners counted. */
const MAX_NOTES = 65_536;

/**
 * Find the notes whose owner is Xen.
 *
 * Errors: BadInput, if a note, a segment of notes or their number is out of bounds.
 */
export function findNotes(elf: Elf): FoundNotes {
  const counted = { notes: 0 };
  const inSegments = elf.segments
    .filter(({ type, offset }) => type === PT_NOTE && offset !== 0) // some binutils left p_offset unset
    .flatMap(({ offset, filesz }) => notesOfXen(elf.bytes, offset, offset + filesz, counted));
  if (inSegments.length > 0) return { source: "PT_NOTE", notes: inSegments };

  const inSections = elf.sections
    .slice(1)
    .filter(({ type }) => type === SHT_NOTE)
    .flatMap(({ offset, size }) => notesOfXen(elf.bytes, offset, offset + size, counted));
  if (inSections.length > 0) return { source: "SHT_NOTE", notes: inSections };

  const legacy = sectionByName(elf, "__xen_guest");
  if (legacy !== undefined) return { source: "__xen_guest", notes: [], guestInfo: legacy.offset };
  return { source: "none", notes: [] };
}

function notesOfXen(bytes: ImageBytes, start: number, end: number, counted: { notes: number }): RawNote[] {
  return walkNotes(bytes, start, end, counted).filter(({ owner }) => owner === XEN_ELFNOTE_NAME);
}

const HEADER = 12; // namesz, descsz, type; also in ELF64

/** A note of any owner. */
export interface OwnedNote extends RawNote {
  readonly owner: typeof XEN_ELFNOTE_NAME | "another";
  /** Where the next note begins. */
  readonly end: number;
}

/**
 * The notes between two offsets.
 *
 * Mirrors: elf_note_name(), elf_note_desc(), elf_note_next(): sizes are rounded up to 4 in both classes, and
 * the name is read up to its NUL, whatever namesz says.
 */
export function walkNotes(
  bytes: ImageBytes,
  start: number,
  end: number,
  counted = { notes: 0 },
): OwnedNote[] {
  const found: OwnedNote[] = [];
  let offset = start;
  while (offset < end) {
    if (counted.notes++ >= MAX_NOTES) {
      throw bytes.bad(offset, `more than ${MAX_NOTES} notes`, "Xen refuses such an image; build it again");
    }
    const namesz = bytes.u32(offset, "a note");
    const descsz = bytes.u32(offset + 4, "a note");
    const type = bytes.u32(offset + 8, "a note");
    const descOffset = offset + HEADER + roundUp(namesz);
    const desc = bytes.slice(descOffset, descsz, "the description of a note");
    const next = descOffset + roundUp(descsz);
    const owner = bytes.has(offset + HEADER, `${XEN_ELFNOTE_NAME}\0`) ? XEN_ELFNOTE_NAME : "another";
    found.push({ type, offset, descOffset, desc, owner, end: next });
    offset = next;
  }
  return found;
}

function roundUp(size: number): number {
  return Math.ceil(size / 4) * 4;
}
