/**
 * A feature in the notes of an ELF image, set or removed.
 *
 * A bit of SUPPORTED_FEATURES changes where it is. Anything else makes the notes longer or shorter, which cannot
 * move: code stands behind them. So a new list of notes goes to the end of the file, and the headers of the
 * segments and sections that held the old one point there. The old bytes stay where they were loaded.
 *
 * Mirrors: elf_xen_parse_notes(), xen/common/libelf/libelf-dominfo.c, which reads the file by p_offset and
 * sh_offset, never by the address.
 * Differs: what the running kernel shows in /sys/kernel/notes are the old notes.
 */
import {
  XEN_ELFNOTE_FEATURES,
  XEN_ELFNOTE_NAME,
  XEN_ELFNOTE_SUPPORTED_FEATURES,
} from "../../abi/elf-notes.js";
import { XENFEAT_dom0 } from "../../abi/features.js";
import { wordsOf } from "../decode-note.js";
import { type Elf, ELF_LAYOUT, PT_NOTE, readElf, SHT_NOTE } from "../elf.js";
import { findNotes, type OwnedNote, walkNotes } from "../find-notes.js";
import { ImageBytes } from "../image-bytes.js";
import { Features } from "../parse-features.js";
import { editGuestInfo } from "./edit-guest-info.js";
import { editFeatures, type FeatureEdit, type FeatureNotes, sameFeatures } from "./feature-edit.js";
import { type Patch, patched, u32, undone, undoRecord } from "./undo-record.js";

const ALIGNMENT = 8;

/**
 * The image with `edit` made; the very bytes from before earlier edits, where these are thereby undone.
 *
 * Errors: BadInput, if the image has no place where the feature could be said.
 */
export function editElf(image: ImageBytes, edit: FeatureEdit): Uint8Array {
  const original = originalOf(image);
  const current = notesOf(readElf(image));
  if (current === undefined) return editGuestInfo(image, original, edit);

  const first = notesOf(readElf(original))!;
  const edited = editFeatures(current.features, edit, current.supported);
  if (sameFeatures(edited, current.features)) return image.data;
  const wanted = edit.state === "removed" ? withoutAdded(edited, first) : edited;
  if (sameFeatures(wanted, first.features)) return original.data;
  if (sameShape(wanted, first.features)) return withWords(original, first, wanted);
  return withNewList(original, first, wanted);
}

/** The image as it was before it was edited. */
export function originalOf(image: ImageBytes): ImageBytes {
  const original = undone(image, image.length);
  return original === undefined ? image : new ImageBytes(image.file, original, image.within);
}

interface NotesOf {
  /** The segment or section that holds the notes of Xen. */
  readonly list: readonly OwnedNote[];
  readonly features: FeatureNotes;
  readonly elf: Elf;
  /** f_supported of both kinds of note. */
  readonly supported: number;
}

/** The list of notes in which Xen's are; undefined where they are the text of __xen_guest. */
function notesOf(elf: Elf): NotesOf | undefined {
  const { source, notes } = findNotes(elf);
  if (source === "__xen_guest") return undefined;
  const [firstNote] = notes;
  if (firstNote === undefined) {
    throw elf.bytes.bad(
      0,
      "has no Xen notes that could name a feature",
      "name a kernel built with CONFIG_XEN_PV or CONFIG_PVH",
    );
  }
  const holders =
    source === "PT_NOTE"
      ? elf.segments
          .filter(({ type }) => type === PT_NOTE)
          .map(({ offset, filesz }) => [offset, filesz] as const)
      : elf.sections
          .filter(({ type }) => type === SHT_NOTE)
          .map(({ offset, size }) => [offset, size] as const);
  const [start, size] = holders.find(
    ([at, length]) => firstNote.offset >= at && firstNote.offset < at + length,
  )!;
  const list = walkNotes(elf.bytes, start, start + size);
  const features = new Features();
  const ours = list.filter(({ owner }) => owner === XEN_ELFNOTE_NAME);
  const texts = ours
    .filter(({ type }) => type === XEN_ELFNOTE_FEATURES)
    .map((note) => textOf(elf.bytes, note));
  const words = ours
    .filter(({ type }) => type === XEN_ELFNOTE_SUPPORTED_FEATURES)
    .map((note) => {
      const [word] = wordsOf(note.desc);
      if (word !== undefined) return word;
      const size = `SUPPORTED_FEATURES has ${note.desc.length} bytes`;
      throw elf.bytes.bad(note.offset, size, "build the kernel with words of 4 bytes in it");
    });
  texts.forEach((text) => features.parseString(text));
  features.addWords(words);
  return { list, features: { texts, words }, elf, supported: features.supportedBits };
}

function textOf(bytes: ImageBytes, { descOffset }: OwnedNote): string {
  return bytes.string(descOffset, "FEATURES");
}

/** Without the notes that the original has not, where they say no more than a new one must. */
function withoutAdded({ texts, words }: FeatureNotes, { features, supported }: NotesOf): FeatureNotes {
  const bare = (supported | (1 << XENFEAT_dom0)) >>> 0;
  return {
    texts: texts.filter((text, i) => i < features.texts.length || text !== ""),
    words: words.filter((word, i) => i < features.words.length || word !== bare),
  };
}

/** Do the words alone differ, of as many notes? */
function sameShape(a: FeatureNotes, b: FeatureNotes): boolean {
  return a.words.length === b.words.length && JSON.stringify(a.texts) === JSON.stringify(b.texts);
}

/** Change words in place. */
function withWords(original: ImageBytes, { list }: NotesOf, { words }: FeatureNotes): Uint8Array {
  const places = list.filter(
    ({ owner, type }) => owner === XEN_ELFNOTE_NAME && type === XEN_ELFNOTE_SUPPORTED_FEATURES,
  );
  return patched(
    original.data,
    places.map(({ descOffset }, i) => ({ offset: descOffset, bytes: u32(words[i]!) })),
    1,
  );
}

/** Append a list with the notes changed and added, and point all headers of the old one to it. */
function withNewList(original: ImageBytes, { list, elf }: NotesOf, wanted: FeatureNotes): Uint8Array {
  const parts: Buffer[] = [];
  /** Where the notes that began or ended at an offset begin or end now. */
  const starts = new Map<number, number>();
  const ends = new Map<number, number>();
  let at = Math.ceil(original.length / ALIGNMENT) * ALIGNMENT;
  const place = (note: Buffer) => {
    parts.push(note);
    at += note.length;
  };
  const lastOfXen = list.findLastIndex(({ owner }) => owner === XEN_ELFNOTE_NAME);
  let [text, word] = [0, 0];
  list.forEach((note, i) => {
    starts.set(note.offset, at);
    const ofXen = note.owner === XEN_ELFNOTE_NAME;
    if (ofXen && note.type === XEN_ELFNOTE_FEATURES) place(featuresNote(wanted.texts[text++]!));
    else if (ofXen && note.type === XEN_ELFNOTE_SUPPORTED_FEATURES) {
      place(wordNote(wanted.words[word++]!, note.desc.subarray(4)));
    } else place(Buffer.from(original.slice(note.offset, note.end - note.offset, "a note")));
    if (i === lastOfXen) {
      for (; text < wanted.texts.length; text++) place(featuresNote(wanted.texts[text]!));
      for (; word < wanted.words.length; word++) place(wordNote(wanted.words[word]!));
    }
    ends.set(note.end, at);
  });
  const patches = headerPatches(elf, starts, ends);
  const record = undoRecord(original.data, patches);
  const padding = Buffer.alloc(-at & (ALIGNMENT - 1));
  return Buffer.concat([patched(original.data, patches, ALIGNMENT), ...parts, padding, record]);
}

/** Offsets and sizes of the segments and sections of notes that consist of moved ones. */
function headerPatches(elf: Elf, starts: Map<number, number>, ends: Map<number, number>): Patch[] {
  const at = ELF_LAYOUT[elf.bits];
  const word = (offset: number, value: number): Patch => ({
    offset,
    bytes: at.word === 4 ? u32(value) : Buffer.concat([u32(value), u32(value / 2 ** 32)]),
  });
  const moved = (offset: number, size: number): [start: number, size: number] | undefined => {
    const start = starts.get(offset);
    const end = ends.get(roundUp(offset + size));
    return start === undefined || end === undefined ? undefined : [start, end - start];
  };
  const segments = elf.segments.flatMap(({ type, offset, filesz, header }) => {
    const place = type === PT_NOTE ? moved(offset, filesz) : undefined;
    if (place === undefined) return [];
    const fields = [word(header + at.p_offset, place[0]), word(header + at.p_filesz, place[1])];
    return [...fields, word(header + at.p_memsz, place[1])];
  });
  const sections = elf.sections.flatMap(({ type, offset, size, header }) => {
    const place = type === SHT_NOTE ? moved(offset, size) : undefined;
    if (place === undefined) return [];
    return [word(header + at.sh_offset, place[0]), word(header + at.sh_size, place[1])];
  });
  return [...segments, ...sections];
}

function featuresNote(text: string): Buffer {
  return note(XEN_ELFNOTE_FEATURES, Buffer.from(`${text}\0`, "latin1"));
}

function wordNote(value: number, further: Uint8Array = new Uint8Array()): Buffer {
  return note(XEN_ELFNOTE_SUPPORTED_FEATURES, Buffer.concat([u32(value), further]));
}

function note(type: number, desc: Buffer): Buffer {
  const padding = Buffer.alloc(roundUp(desc.length) - desc.length);
  const owner = Buffer.from(`${XEN_ELFNOTE_NAME}\0`);
  return Buffer.concat([u32(owner.length), u32(desc.length), u32(type), owner, desc, padding]);
}

function roundUp(size: number): number {
  return Math.ceil(size / 4) * 4;
}
