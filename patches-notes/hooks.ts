/**
 * The places where a design can have to attach, on a real tree: their lines, and whether the twin models them and a
 * series touches them.
 */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { AnchorFile } from "./anchor.js";
import type { FileChange } from "./apply-sketch.js";
import { checked } from "./sketch.js";
import type { SourceTree } from "./source-tree.js";

const table = z.array(
  z.strictObject({ hook: z.string(), places: z.array(z.string()).min(1), twin: z.string().optional() }),
);

export type Coverage = "modelled and touched" | "modelled" | "touched" | "neither";

export interface HookPlace {
  readonly path: string;
  readonly function: string;
  /** First and last line, from 1; undefined where the tree has no such function. */
  readonly lines: readonly [number, number] | undefined;
  readonly touched: boolean;
}

export interface Hook {
  readonly hook: string;
  readonly places: readonly HookPlace[];
  /** File and function of the twin. */
  readonly twin: string | undefined;
  readonly coverage: Coverage;
}

/** The table of hooks in `file`, with what `changes` does to each place of `tree`, as it was before them. */
export function hooksOf(file: string, tree: SourceTree, changes: readonly FileChange[]): Hook[] {
  const rows = checked(table, parse(readFileSync(file, "utf8")), file);
  const sources = new Map<string, AnchorFile | undefined>();
  const source = (path: string): AnchorFile | undefined => {
    if (!sources.has(path)) {
      const change = changes.find((candidate) => candidate.path === path);
      const text = change === undefined ? tree.read(path) : change.before;
      sources.set(path, text === undefined ? undefined : new AnchorFile(path, text));
    }
    return sources.get(path);
  };
  const touched = touchedFunctions(changes);
  return rows.map(({ hook, places, twin }) => {
    const found = places.map((place) => {
      const [path, name] = place.split(" ") as [string, string];
      const scope = source(path)?.scopesNamed(name)[0];
      const lines = scope === undefined ? undefined : ([scope.first + 1, scope.last + 1] as const);
      return { path, function: name, lines, touched: touched.has(place) };
    });
    const isTouched = found.some((place) => place.touched);
    return { hook, places: found, twin, coverage: coverageOf(twin !== undefined, isTouched) };
  });
}

function coverageOf(modelled: boolean, touched: boolean): Coverage {
  if (modelled && touched) return "modelled and touched";
  if (modelled) return "modelled";
  return touched ? "touched" : "neither";
}

/** `FILE FUNCTION` of each function that is there before, and reads differently after. */
export function touchedFunctions(changes: readonly FileChange[]): Set<string> {
  const touched = new Set<string>();
  for (const { path, before, after } of changes) {
    if (before === undefined) continue;
    const old = bodies(path, before);
    const fresh = bodies(path, after);
    for (const [name, text] of old) if (fresh.get(name) !== text) touched.add(`${path} ${name}`);
  }
  return touched;
}

/** Functions that `changes` adds, by name. */
export function addedFunctions(changes: readonly FileChange[]): string[] {
  return changes.flatMap(({ path, before, after }) => {
    const old = bodies(path, before ?? "");
    return [...bodies(path, after).keys()].filter((name) => !old.has(name));
  });
}

/** Text of each function of a C file; those of one name, under #if and #else, one after the other. */
function bodies(path: string, text: string): Map<string, string> {
  const source = new AnchorFile(path, text);
  const found = new Map<string, string>();
  for (const { name, first, last } of source.functions()) {
    const body = source.lines.slice(first, last + 1).join("\n");
    found.set(name, `${found.get(name) ?? ""}${body}\n`);
  }
  return found;
}
