/**
 * What a note says, as libelf reads it, and what Xen 4.17 makes of the note.
 *
 * Mirrors: elf_xen_parse_note(), xen/common/libelf/libelf-dominfo.c; elf_note_numeric() and
 * elf_note_numeric_array(), libelf-tools.c.
 * Differs: notes that Xen ignores are decoded too, for the reader.
 */
import {
  DUMP_NOTES,
  ELFNOTES,
  XEN_ELFNOTE_INFO,
  XEN_ELFNOTE_L1_MFN_VALID,
  XEN_ELFNOTE_MAX_4_17,
  XEN_ELFNOTE_SUPPORTED_FEATURES,
} from "../abi/elf-notes.js";
import { XENFEAT_NR_SUBMAPS } from "../abi/features.js";
import type { RawNote } from "./find-notes.js";
import type { ImageBytes } from "./image-bytes.js";

/** A note, decoded. */
export interface Note {
  /** XEN_ELFNOTE_*; null for a key of __xen_guest that stands for no note. */
  readonly type: number | null;
  /** Without XEN_ELFNOTE_; a number without a name is `unknown`. */
  readonly name: string;
  /** Text; a number as 0x...; words and pairs of numbers with spaces between; unknown ones as hex bytes. */
  readonly value: string;
  /** What Xen 4.17 does other than take the value; "" if nothing. */
  readonly remark: string;
  /** Where in the ELF image, and the description's bytes; none for keys of __xen_guest. */
  readonly raw?: RawNote;
}

/** Decode one note. Errors: BadInput, if a string does not end in the image. */
export function decodeNote(bytes: ImageBytes, raw: RawNote): Note {
  const { type, desc } = raw;
  const known = ELFNOTES[type];
  if (known === undefined) {
    const ofDump = DUMP_NOTES.get(type);
    const remark = ofDump === undefined ? "unknown number: ignored" : "of a dump: ignored in a kernel";
    return { type, name: ofDump ?? "unknown", value: hexBytes(desc), remark, raw };
  }
  const { name, kind } = known;
  const note = { type, name, raw };
  const newer = type > XEN_ELFNOTE_MAX_4_17 ? "not in Xen 4.17: ignored" : "";
  switch (kind) {
    case "string":
      return { ...note, ...stringOf(bytes, raw, name) };
    case "int": {
      const odd = ![1, 2, 4, 8].includes(desc.length);
      return { ...note, value: hex(intOf(desc)), remark: odd ? `${desc.length} bytes: reads as 0` : "" };
    }
    case "words":
      return { ...note, value: wordsOf(desc).map(hex).join(" "), remark: wordsRemark(type, desc) || newer };
    case "other":
      return { ...note, value: otherValue(raw), remark: "not read" };
  }
}

/** Mirrors: elf_note_numeric(). */
export function intOf(desc: Uint8Array): bigint {
  if (![1, 2, 4, 8].includes(desc.length)) return 0n;
  return desc.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** All words; none if the size is no multiple of 4. Mirrors: elf_note_numeric_array(). */
export function wordsOf(desc: Uint8Array): number[] {
  if (desc.length % 4 !== 0) return [];
  return Array.from({ length: desc.length / 4 }, (_, i) => Number(intOf(desc.subarray(4 * i, 4 * i + 4))));
}

/** Xen looks for the NUL only, not at the size. Linux has notes whose NUL is in the padding. */
function stringOf(
  bytes: ImageBytes,
  { desc, descOffset }: RawNote,
  name: string,
): Pick<Note, "value" | "remark"> {
  const value = bytes.string(descOffset, name);
  const padded = Math.ceil(desc.length / 4) * 4;
  return { value, remark: value.length < padded ? "" : "no NUL within the note: read on beyond it" };
}

function wordsRemark(type: number, desc: Uint8Array): string {
  if (desc.length % 4 !== 0) return `${desc.length} bytes, no multiple of 4: reads as 0`;
  if (type !== XEN_ELFNOTE_SUPPORTED_FEATURES) return "";
  if (desc.length === 0) return "no word: reads as 0";
  return desc.length / 4 > XENFEAT_NR_SUBMAPS ? "words after the first are ignored" : "";
}

/** INFO is text; L1_MFN_VALID is pairs of mask and value, of the width of an L1 entry. */
function otherValue({ type, desc }: RawNote): string {
  if (type === XEN_ELFNOTE_INFO) return Buffer.from(desc).toString("latin1").replace(/\0+$/, "");
  const width = desc.length % 16 === 0 ? 8 : 4;
  if (type !== XEN_ELFNOTE_L1_MFN_VALID || desc.length % (2 * width) !== 0) return hexBytes(desc);
  return Array.from({ length: desc.length / width }, (_, i) =>
    hex(intOf(desc.subarray(i * width, (i + 1) * width))),
  ).join(" ");
}

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

function hexBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
