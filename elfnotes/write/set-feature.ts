/**
 * An image with a feature set or removed, as bytes to be written.
 *
 * Errors: BadInput, where an image cannot be edited, with what to do instead.
 */
import { type FeatureEdit } from "./feature-edit.js";
import { editBzImage } from "./edit-bzimage.js";
import { editElf } from "./edit-elf.js";
import type { KernelImage } from "../read-image.js";

export interface EditedImage {
  readonly data: Uint8Array;
  /** What whoever boots the image has to know. */
  readonly remarks: readonly string[];
}

export async function setFeature(image: KernelImage, edit: FeatureEdit): Promise<EditedImage> {
  if (image.format === "bzImage") return editBzImage(image.bytes, edit);
  if (image.compression === "none") return { data: editElf(image.bytes, edit), remarks: [] };
  throw image.bytes.bad(
    0,
    `is a vmlinux packed with ${image.compression}, which would not come out as it was`,
    "unpack it, set the feature in the vmlinux, and pack that",
  );
}
