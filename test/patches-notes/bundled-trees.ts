/** The trees of test/data/patches/, as scripts/small-trees.js writes them: for all sketches of all proposals. */
import { join } from "node:path";
import { notedProposals, readNotes } from "../../patches-notes/notes.js";
import type { Sketch } from "../../patches-notes/sketch.js";
import type { Project } from "../../patches-notes/source-tree.js";
import { smallTree } from "./small-tree.js";

const FOLDER = join(__dirname, "..", "..", "patches-notes");

/** Files by path, by the tree's name. */
export function bundledTrees(): Map<string, Map<string, string>> {
  return new Map([
    ["linux-6.1", smallTree("linux", "6.1.192", ...sketches("linux"))],
    ["xen-4.17", smallTree("xen", "4.17.7", ...sketches("xen"))],
  ]);
}

/** The series of all proposals, each once. */
function sketches(project: Project): (readonly Sketch[])[] {
  const series = new Map<string, readonly Sketch[]>();
  for (const name of notedProposals(FOLDER)) {
    const side = readNotes(FOLDER, name).sides[project];
    if (side !== undefined) series.set(side.sketches.join(), side.series);
  }
  return [...series.values()];
}
