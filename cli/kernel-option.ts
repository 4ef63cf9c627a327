/** `--kernel IMAGE`: could the guest in this image negotiate the flag of a proposal? */
import { basename } from "node:path";
import { canAdvertise } from "../elfnotes/can-advertise.js";
import { readImage } from "../elfnotes/read-image.js";
import type { Kernel } from "../experiments/evaluate.js";

/** Read the image once; the answer for a flag is a function of its notes. Errors: BadInput, as readImage(). */
export async function kernelOption(file: string): Promise<Kernel> {
  const image = await readImage(file);
  return { file, image: basename(file), negotiates: (feature) => canAdvertise(image, feature) };
}
