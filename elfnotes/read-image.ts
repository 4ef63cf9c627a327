/**
 * A kernel image as its loader sees it: unpacked, its Xen notes decoded, its features gathered.
 *
 * Mirrors: elf_xen_parse(), xen/common/libelf/libelf-dominfo.c.
 */
import { readFileSync, statSync } from "node:fs";
import { XEN_ELFNOTE_FEATURES, XEN_ELFNOTE_SUPPORTED_FEATURES } from "../abi/elf-notes.js";
import { BadInput } from "../abi/bad-input.js";
import { findPayload, isBzImage, type Payload } from "./bzimage.js";
import { decodeNote, type Note, wordsOf } from "./decode-note.js";
import { type Elf, readElf } from "./elf.js";
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
  return decodeImage(readBytes(file), file === STDIN ? "standard input" : file);
}

/** What an image says, without its bytes. */
export type ImageNotes = Omit<KernelImage, "bytes" | "elf"> & { readonly elf: Omit<Elf, "bytes"> };

/** As readImage(), for a reader of notes alone: it is faster, and takes less memory. */
export async function readImageNotes(file: string): Promise<ImageNotes> {
  return decodeImageNotes(readBytes(file), file === STDIN ? "standard input" : file);
}

/** As readImageNotes(), of bytes that are called `file` in messages. */
export async function decodeImageNotes(data: Uint8Array, file: string): Promise<ImageNotes> {
  try {
    return await decode(data, file, new KeptParts());
  } catch (error) {
    // More is needed to find the notes, or to say what is wrong.
    if (error instanceof NotKept || error instanceof BadInput) return decode(data, file);
    throw error;
  }
}

/** As readImage(), of bytes that are called `file` in messages. */
export async function decodeImage(data: Uint8Array, file: string): Promise<KernelImage> {
  return decode(data, file);
}

async function decode(data: Uint8Array, file: string, kept?: KeptParts): Promise<KernelImage> {
  const bytes = new ImageBytes(file, data);
  if (!isBzImage(bytes)) {
    if (compressionOf(bytes) === undefined) {
      throw bytes.bad(0, "is neither ELF nor bzImage", "name a vmlinux, a compressed vmlinux or a bzImage");
    }
    const { compression, elf } = await unpack(bytes, false, kept);
    const read = readElf(elf);
    return { file, bytes, format: `elf${read.bits}`, compression, ...readNotes(read) };
  }
  const payload = findPayload(bytes);
  const packed = bytes.slice(payload.offset, payload.length, "the compressed kernel");
  const stream = new ImageBytes(file, packed, " of the compressed kernel");
  const { compression, elf } = await unpack(stream, true, kept);
  return { file, bytes, format: "bzImage", compression, payload, ...readNotes(readElf(elf)) };
}

function readBytes(file: string): Uint8Array {
  const remedy = "name a vmlinux or a bzImage";
  try {
    if (file === STDIN) return readFileSync(0);
    if (!statSync(file).isFile()) throw new BadInput(file, "", "is no regular file", remedy);
    return readFileSync(file);
  } catch (error) {
    if (error instanceof BadInput) throw error;
    throw new BadInput(file, "", `cannot be read (${(error as NodeJS.ErrnoException).code})`, remedy);
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
