/**
 * A sketch on a tree: each edit finds its place, and the files' new texts come out. Nothing is written.
 */
import { join } from "node:path";
import { BadInput } from "../abi/bad-input.js";
import { AnchorFile, NoAnchor, type Place } from "./anchor.js";
import type { Edit, EditForm, Sketch } from "./sketch.js";
import type { SourceTree } from "./source-tree.js";

export interface FileChange {
  readonly path: string;
  /** Undefined: the file is new. */
  readonly before: string | undefined;
  readonly after: string;
}

/**
 * The files that `sketch` changes, in the order of their paths; `tree` has the new texts from now on.
 *
 * Errors: BadInput for an edit without a place, naming file, function, pattern and what is nearest.
 */
export function applySketch(sketch: Sketch, tree: SourceTree): FileChange[] {
  const before = new Map<string, string | undefined>();
  for (const edit of sketch.edits) {
    const text = tree.read(edit.path);
    if (!before.has(edit.path)) before.set(edit.path, text);
    tree.write(edit.path, applyEdit(edit, text, tree));
  }
  return [...before]
    .map(([path, old]) => ({ path, before: old, after: tree.read(path)! }))
    .filter((change) => change.before !== change.after)
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** `text` with the first form of `edit` that has a place in it. */
function applyEdit(edit: Edit, text: string | undefined, tree: SourceTree): string {
  if (text === undefined) {
    const whole = edit.forms.find(({ anchor }) => anchor === undefined);
    if (whole !== undefined) return withNewline(whole.lines);
    const remedy = `is it a ${tree.project} tree, and whole? ${wanted(edit)}`;
    throw new BadInput(join(tree.dir, edit.path), "", `is not in this tree (${tree.version})`, remedy);
  }
  const source = new AnchorFile(edit.path, text);
  let first: NoAnchor | undefined;
  for (const form of edit.forms) {
    if (form.anchor === undefined) continue;
    try {
      return replaced(source.lines, source.find(form.anchor), form);
    } catch (error) {
      if (!(error instanceof NoAnchor)) throw error;
      first ??= error;
    }
  }
  const file = join(tree.dir, edit.path);
  if (first === undefined) {
    throw new BadInput(file, "", "is there already", `the series makes it (${wanted(edit)})`);
  }
  const near = first.candidates.length === 0 ? "" : `; nearest: ${first.candidates.join("; ")}`;
  const others = edit.forms.length > 1 ? `, nor is there a place for the other forms` : "";
  throw new BadInput(file, "", `${first.what}${others}${near}`, `mend the anchor (${wanted(edit)})`);
}

const wanted = ({ source }: Edit): string => `wanted by ${source}`;

function replaced(lines: readonly string[], { first, end }: Place, form: EditForm): string {
  return [...lines.slice(0, first), ...form.lines, ...lines.slice(end)].join("\n");
}

const withNewline = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");
