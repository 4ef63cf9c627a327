/** The files that results were made from, so that they can be made again from the same. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { relative } from "node:path";
import { BadInput } from "../abi/bad-input.js";
import { BUNDLED, dataFolder } from "./bundled.js";
import type { InputFile } from "./results.js";

/** Name and content of a file that was just read. */
export function inputFile(file: string): InputFile {
  const real = realpathSync(file);
  const name = BUNDLED.includes(real) ? relative(dataFolder(), real).replace(/\\/g, "/") : file;
  return { file: name, sha256: digest(file) };
}

/**
 * Where that file is now: by its name, seen from here; or in the package, if it is bundled. Errors: BadInput if it is gone, or
 * is another.
 */
export function findInput({ file, sha256 }: InputFile): string {
  const there = [file, ...BUNDLED.filter((path) => path === dataFolder(file))].filter(existsSync);
  const found = there.find((path) => digest(path) === sha256);
  if (found !== undefined) return found;
  const what = there.length > 0 ? "is not the file that the results were made from" : "is not there";
  throw new BadInput(file, "", what, `run where the file is whose SHA-256 is ${sha256}`);
}

/** SHA-256 of what is in `file`, in hexadecimal. */
export function digest(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}
