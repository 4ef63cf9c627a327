/**
 * Mail files on disk: all of them, or none.
 *
 * They are written to a folder of a temporary name beside the place, which then takes the place's name.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { BadInput } from "../abi/bad-input.js";

/**
 * Write `files`, by path below `dir`. A series that is there already is replaced.
 *
 * Errors: BadInput for a folder with something else in it, or where nothing can be written.
 */
export function writeSeries(dir: string, files: ReadonlyMap<string, string>): void {
  const place = resolve(dir);
  const other = existsSync(place) ? otherThanSeries(place) : undefined;
  if (other !== undefined) {
    throw new BadInput(
      dir,
      "",
      `has ${other} in it, which is no patch`,
      "name a folder for the series alone",
    );
  }
  const temporary = `${place}.${process.pid}.tmp`;
  const old = `${place}.${process.pid}.old`;
  try {
    for (const [path, text] of files) {
      const file = join(temporary, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    if (existsSync(place)) renameSync(place, old);
    renameSync(temporary, place);
  } catch (error) {
    if (existsSync(old) && !existsSync(place)) renameSync(old, place);
    throw new BadInput(
      dir,
      "",
      `cannot be written (${(error as NodeJS.ErrnoException).code})`,
      "name another folder",
    );
  } finally {
    for (const rest of [temporary, old]) if (existsSync(rest)) rmSync(rest, { recursive: true, force: true });
  }
}

const PATCH = /^(?:v\d+-)?\d{4}-.*\.patch$/;

/** The first entry of a folder that no series has; also of its folder xen/. */
function otherThanSeries(dir: string): string | undefined {
  if (!statSync(dir).isDirectory()) return "no folder";
  for (const name of readdirSync(dir)) {
    if (name === "xen" && statSync(join(dir, name)).isDirectory()) {
      const other = otherThanSeries(join(dir, name));
      if (other !== undefined) return join(name, other);
    } else if (!PATCH.test(name)) return name;
  }
  return undefined;
}
