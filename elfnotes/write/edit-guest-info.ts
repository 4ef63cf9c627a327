/**
 * A feature in the text of __xen_guest, set or removed: the text, as changed, goes to the end of the file, and the
 * section's header points there.
 *
 * Mirrors: elf_xen_parse_guest_info(), xen/common/libelf/libelf-dominfo.c, for what can be said in it.
 */
import { ELF_LAYOUT, readElf, sectionByName } from "../elf.js";
import type { ImageBytes } from "../image-bytes.js";
import { editFeatures, type FeatureEdit } from "./feature-edit.js";
import { patched, u32, undoRecord } from "./undo-record.js";

const KEY = "FEATURES=";

/** sizeof(value) - 1 of the parser. */
const MAX_VALUE = 127;

/**
 * The image with `edit` made to its text; `original` itself, if that makes it say the same.
 *
 * Errors: BadInput, if the feature is a bit, or if the value becomes longer than the parser takes.
 */
export function editGuestInfo(image: ImageBytes, original: ImageBytes, edit: FeatureEdit): Uint8Array {
  const part = "__xen_guest";
  const text = image.string(sectionByName(readElf(image), part)!.offset, part);
  const elf = readElf(original);
  const section = sectionByName(elf, part)!;
  if (edit.way === "supported-features" && edit.state !== "removed") {
    throw original.bad(
      section.offset,
      `${part} cannot say SUPPORTED_FEATURES bit ${edit.bit}`,
      "name a kernel that has ELF notes",
    );
  }
  const wanted = editText(text, edit);
  const value = featuresOf(wanted);
  if (value.length > MAX_VALUE) {
    const what = `FEATURES of ${part} would have ${value.length} characters, Xen reads ${MAX_VALUE}`;
    throw original.bad(section.offset, what, "remove a feature first");
  }
  if (wanted === text) return image.data;
  if (wanted === original.string(section.offset, part)) return original.data;

  const { sh_offset, sh_size, word } = ELF_LAYOUT[elf.bits];
  const field = (at: number, n: number) => ({
    offset: section.header + at,
    bytes: word === 4 ? u32(n) : Buffer.concat([u32(n), u32(0)]),
  });
  const bytes = Buffer.from(`${wanted}\0`, "latin1");
  const place = Math.ceil(original.length / 8) * 8;
  const patches = [field(sh_offset, place), field(sh_size, bytes.length)];
  const padding = Buffer.alloc(-bytes.length & 7);
  return Buffer.concat([
    patched(original.data, patches, 8),
    bytes,
    padding,
    undoRecord(original.data, patches),
  ]);
}

/** The value of the last key FEATURES is changed; without one, there comes one. */
function editText(text: string, edit: FeatureEdit): string {
  const entries = text.split(",");
  const last = entries.findLastIndex((entry) => entry.startsWith(KEY));
  const value = last < 0 ? [] : [entries[last]!.slice(KEY.length)];
  const [edited] = editFeatures({ texts: value, words: [] }, { ...edit, bit: undefined }, 0).texts;
  if (edited === undefined) return text;
  if (last < 0) return `${text},${KEY}${edited}`;
  if (edited === "" && value[0] !== "") return entries.toSpliced(last, 1).join(",");
  return entries.with(last, `${KEY}${edited}`).join(",");
}

function featuresOf(text: string): string {
  return (
    text
      .split(",")
      .findLast((entry) => entry.startsWith(KEY))
      ?.slice(KEY.length) ?? ""
  );
}
