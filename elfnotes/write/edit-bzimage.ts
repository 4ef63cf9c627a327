/**
 * A feature in the kernel of a bzImage, set or removed.
 *
 * The kernel has to be packed again, and comes out at another size. What follows the old payload is code that is
 * linked to its place, so the new payload cannot go there: it goes behind the image, and the setup header points
 * to it. Loaders of Xen unpack what the header points to. The image's own code still unpacks the old payload: so
 * booted without Xen, it is the kernel that it was.
 *
 *     setup, code, old payload, rest | gzip of the new kernel | undo record | CRC32
 *
 * Mirrors: struct setup_header, Documentation/arch/x86/boot.rst; linux arch/x86/boot/tools/build.c for syssize
 * and the CRC32; xen/arch/x86/bzimage.c and tools/libs/guest/xg_dom_bzimageloader.c for who reads what.
 * Differs: the new payload is gzip whatever the old one is, which each of Xen's loaders can read.
 */
import { crc32, gzipSync } from "node:zlib";
import { findPayload, SETUP } from "../bzimage.js";
import { ImageBytes } from "../image-bytes.js";
import { unpack } from "../unpack.js";
import { editElf } from "./edit-elf.js";
import type { FeatureEdit } from "./feature-edit.js";
import { type Patch, patched, u32, undone, undoRecord } from "./undo-record.js";

/** syssize counts in so many bytes. */
const PARAGRAPH = 16;

const CRC_SIZE = 4;
const PAGE = 4096;

/** An edited bzImage, and what there is to say of it. */
export interface EditedBzImage {
  readonly data: Uint8Array;
  readonly remarks: readonly string[];
}

/**
 * The bzImage with `edit` made to its kernel; the very bytes from before earlier edits, where these are undone.
 *
 * Errors: BadInput, as of unpack() and editElf().
 */
export async function editBzImage(image: ImageBytes, edit: FeatureEdit): Promise<EditedBzImage> {
  const before = undone(image, image.length - CRC_SIZE);
  const original = before === undefined ? image : new ImageBytes(image.file, before);
  const kernel = await kernelOf(image);
  const edited = editElf(kernel, edit);
  if (edited === kernel.data) return { data: image.data, remarks: [] };
  const first = before === undefined ? kernel : await kernelOf(original);
  if (Buffer.compare(edited, first.data) === 0) return { data: original.data, remarks: [] };
  return withPayload(original, gzipSync(edited, { level: 9 }));
}

async function kernelOf(image: ImageBytes): Promise<ImageBytes> {
  const { offset, length } = findPayload(image);
  const packed = image.slice(offset, length, "the compressed kernel");
  return unpack(new ImageBytes(image.file, packed, " of the compressed kernel"), true).elf;
}

function withPayload(original: ImageBytes, payload: Buffer): EditedBzImage {
  const setupSize = ((original.u8(SETUP.setup_sects, "the setup header") || 4) + 1) * 512;
  const start = roundUp(original.length, PARAGRAPH);
  // The record's size does not depend on the values that it is made with.
  const patchesFor = (end: number): Patch[] => {
    const syssize = (end - setupSize) / PARAGRAPH;
    const initSize = initSizeFor(original, end - setupSize);
    return [
      { offset: SETUP.syssize, bytes: u32(syssize) },
      { offset: SETUP.payload_offset, bytes: u32(start - setupSize) },
      { offset: SETUP.payload_length, bytes: u32(payload.length) },
      ...(initSize === undefined ? [] : [{ offset: SETUP.init_size, bytes: u32(initSize) }]),
    ];
  };
  const guess = start + payload.length + undoRecord(original.data, patchesFor(start + payload.length)).length;
  const end = roundUp(guess + CRC_SIZE + 12, PARAGRAPH); // 12: where init_size joins the patches only now
  const patches = patchesFor(end);
  const record = undoRecord(original.data, patches);
  const whole = Buffer.alloc(end);
  whole.set(patched(original.data, patches, PARAGRAPH));
  whole.set(payload, start);
  whole.set(record, end - CRC_SIZE - record.length);
  const body = whole.subarray(0, -CRC_SIZE);
  whole.set(u32(~crc32(body)), end - CRC_SIZE); // build.c stores it without the last inversion

  const remarks = [
    "the new payload is behind the image; booted without Xen, the image unpacks the old one as before",
    ...(isSigned(original)
      ? ["the image's signature does not hold any more; sign it again with sbsign"]
      : []),
  ];
  return { data: whole, remarks };
}

/** A loader reserves init_size, so what it loads has to fit; undefined where it does, or in older protocols. */
function initSizeFor(original: ImageBytes, size: number): number | undefined {
  if (original.u16(SETUP.version, "the setup header") < SETUP.hasInitSize) return undefined;
  const now = original.u32(SETUP.init_size, "the setup header");
  return now >= size ? undefined : roundUp(size, PAGE);
}

/** Is there a certificate table? Mirrors: the PE/COFF data directory, entry 4. */
function isSigned(image: ImageBytes): boolean {
  if (!image.has(0, "MZ")) return false;
  const pe = image.u32(0x3c, "the PE header");
  if (!image.has(pe, "PE\0\0")) return false;
  const optional = pe + 24;
  const plus = image.u16(optional, "the PE header") === 0x20b;
  return image.u32(optional + (plus ? 112 : 96) + 4 * 8, "the PE header") !== 0;
}

function roundUp(size: number, to: number): number {
  return Math.ceil(size / to) * to;
}
