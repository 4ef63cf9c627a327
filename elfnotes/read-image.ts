/**
 * A kernel image as its loader sees it: unpacked, its Xen notes decoded, its features gathered.
 *
 * Mirrors: elf_xen_parse(), xen/common/libelf/libelf-dominfo.c.
 */
import { closeSync, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import { XEN_ELFNOTE_FEATURES, XEN_ELFNOTE_SUPPORTED_FEATURES } from "../abi/elf-notes.js";
import { BadInput } from "../abi/bad-input.js";
import { findPayload, isBzImage, type Payload } from "./bzimage.js";
import { decodeNote, type Note, wordsOf } from "./decode-note.js";
import { type Elf, readElf } from "./elf.js";
import { FileBytes } from "./file-bytes.js";
import { findNotes, type NoteSource } from "./find-notes.js";
import { readGuestInfo } from "./guest-info.js";
import { ImageBytes } from "./image-bytes.js";
import { KeptParts, NotKept } from "./kept-parts.js";
import { Features } from "./parse-features.js";
import { type Compression, compressionOf, unpack } from "./unpack.js";

/** Stands for standard input where a file is named. */
export const STDIN = "-";

export interface KernelImage {
  readonly file: string;
  /** As it was read: of a bzImage or a compressed vmlinux, packed. */
  readonly bytes: ImageBytes;
  /** Of the file; a compressed ELF counts as ELF. */
  readonly format: "bzImage" | "elf64" | "elf32";
  readonly compression: Compression;
  /** Unpacked. */
  readonly elf: Elf;
  /** Where the compressed kernel is in the file; of a bzImage. */
  readonly payload?: Payload;
  readonly source: NoteSource;
  /** In the image's order, repeated ones too; Xen takes the last of a number. */
  readonly notes: readonly Note[];
  readonly features: Features;
}

/**
 * Read a vmlinux, a compressed vmlinux or a bzImage; `-` is standard input.
 *
 * Errors: BadInput, naming the file, the offset and what to do.
 */
export async function readImage(file: string): Promise<KernelImage> {
  return decodeImage(readBytes(file), nameOf(file));
}

function nameOf(file: string): string {
  return file === STDIN ? "standard input" : file;
}

/** What an image says, without its bytes. */
export type ImageNotes = Omit<KernelImage, "bytes" | "elf"> & { readonly elf: Omit<Elf, "bytes"> };

/** As readImage(), for a reader of notes alone: it is faster, and takes less memory. */
export async function readImageNotes(file: string): Promise<ImageNotes> {
  if (file === STDIN) return decodeImageNotes(readBytes(file), nameOf(file));
  return keptOrWhole(
    (kept) => decodeOpen(file, kept),
    () => readImage(file),
  );
}

/** As readImageNotes(), of bytes that are called `file` in messages. */
export async function decodeImageNotes(data: Uint8Array, file: string): Promise<ImageNotes> {
  const bytes = new ImageBytes(file, data);
  return keptOrWhole(
    (kept) => decode(bytes, kept),
    () => decode(bytes),
  );
}

/** Read all, where more than is kept is needed to find the notes, or to say what is wrong. */
async function keptOrWhole(
  partly: (kept: KeptParts) => Promise<ImageNotes>,
  whole: () => Promise<ImageNotes>,
): Promise<ImageNotes> {
  try {
    return await partly(new KeptParts());
  } catch (error) {
    if (error instanceof NotKept || error instanceof BadInput) return whole();
    throw error;
  }
}

/** As readImage(), of bytes that are called `file` in messages. */
export async function decodeImage(data: Uint8Array, file: string): Promise<KernelImage> {
  return decode(new ImageBytes(file, data));
}

async function decodeOpen(file: string, kept: KeptParts): Promise<ImageNotes> {
  const fd = orUnreadable(file, () => {
    needRegular(file);
    return openSync(file, "r");
  });
  try {
    return await decode(new FileBytes(file, fd, 0, fstatSync(fd).size), kept);
  } finally {
    closeSync(fd);
  }
}

async function decode(bytes: ImageBytes, kept?: KeptParts): Promise<KernelImage> {
  const { file } = bytes;
  if (!isBzImage(bytes)) {
    if (compressionOf(bytes) === undefined) {
      throw bytes.bad(0, "is neither ELF nor bzImage", "name a vmlinux, a compressed vmlinux or a bzImage");
    }
    const { compression, elf } = unpack(bytes, false, kept);
    const read = readElf(elf);
    return { file, bytes, format: `elf${read.bits}`, compression, ...readNotes(read) };
  }
  const payload = findPayload(bytes);
  const stream = bytes.part(payload.offset, payload.length, " of the compressed kernel");
  const { compression, elf } = unpack(stream, true, kept);
  return { file, bytes, format: "bzImage", compression, payload, ...readNotes(readElf(elf)) };
}

function readBytes(file: string): Uint8Array {
  return orUnreadable(file, () => {
    if (file === STDIN) return readFileSync(0);
    needRegular(file);
    return readFileSync(file);
  });
}

const REMEDY = "name a vmlinux or a bzImage";

function needRegular(file: string): void {
  if (!statSync(file).isFile()) throw new BadInput(file, "", "is no regular file", REMEDY);
}

function orUnreadable<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof BadInput) throw error;
    throw new BadInput(file, "", `cannot be read (${(error as NodeJS.ErrnoException).code})`, REMEDY);
  }
}

function readNotes(elf: Elf): Pick<KernelImage, "elf" | "source" | "notes" | "features"> {
  const { source, notes, guestInfo } = findNotes(elf);
  const features = new Features();
  if (guestInfo !== undefined) {
    const keys = readGuestInfo(elf.bytes, guestInfo);
    for (const { type, value } of keys) if (type === XEN_ELFNOTE_FEATURES) features.parseString(value);
    return { elf, source, notes: keys, features };
  }
  const decoded = notes.map((raw) => decodeNote(elf.bytes, raw));
  decoded.forEach(({ type, value }, i) => {
    if (type === XEN_ELFNOTE_FEATURES) features.parseString(value);
    if (type === XEN_ELFNOTE_SUPPORTED_FEATURES) features.addWords(wordsOf(notes[i]!.desc));
  });
  return { elf, source, notes: decoded, features };
}

/** What Xen takes for the note of that number: the last one's value. */
export function noteValue(image: Pick<KernelImage, "notes">, type: number): string | undefined {
  return image.notes.findLast((note) => note.type === type)?.value;
}
