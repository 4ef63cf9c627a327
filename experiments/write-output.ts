/**
 * Results on disk: written to a temporary name beside the place, and renamed, so that nothing half-written stays.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, basename } from "node:path";
import { BadInput } from "../abi/bad-input.js";

/** Write `data` to `file`, making its folder. Errors: BadInput where that cannot be done. */
export function writeOutput(file: string, data: string | Uint8Array): void {
  const temporary = join(dirname(file), `.${basename(file)}.${process.pid}.tmp`);
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(temporary, data);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new BadInput(
      file,
      "",
      `cannot be written (${(error as NodeJS.ErrnoException).code})`,
      "name another folder",
    );
  }
}
