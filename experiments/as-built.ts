/**
 * Data that comes with the project, as the build has read it: to load what parses YAML and to look at each key takes longer than to
 * boot a machine. The build writes a table for each kind, KIND.json, beside this file. What has changed since is left to who asks,
 * to be read anew.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What was read, as JSON, and the text of each file of its folder that it was read from. */
interface Entry {
  readonly texts: Readonly<Record<string, string>>;
  readonly json: string;
}

/** What the build writes: entries by name. */
export type BuiltTable = Readonly<Record<string, Entry>>;

export function builtEntry(folder: string, files: readonly string[], value: unknown): Entry {
  const texts = files.map((file) => [file, readFileSync(join(folder, file), "utf8")] as const);
  return { texts: Object.fromEntries(texts), json: JSON.stringify(value) };
}

/** The one of that name, whose files are in `folder`; undefined: not built, or changed since. */
export function readAsBuilt<T>(kind: "proposals" | "profiles", name: string, folder: string): T | undefined {
  const entry = tableOf(kind)?.[name];
  if (entry === undefined) return undefined;
  const same = Object.entries(entry.texts).every(([file, text]) => {
    const path = join(folder, file);
    return existsSync(path) && readFileSync(path, "utf8") === text;
  });
  return same ? (JSON.parse(entry.json) as T) : undefined;
}

const tables = new Map<string, BuiltTable>();

function tableOf(kind: string): BuiltTable | undefined {
  const file = join(__dirname, `${kind}.json`);
  if (!tables.has(kind) && existsSync(file))
    tables.set(kind, JSON.parse(readFileSync(file, "utf8")) as BuiltTable);
  return tables.get(kind);
}
