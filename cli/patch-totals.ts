/** What the series of proposals touch, on trees that the user names: for evaluate's results. */
import { dataFolder } from "../experiments/bundled.js";
import type { Evaluation, PatchTotals } from "../experiments/results.js";
import { makeSeries } from "../patches-notes/make-series.js";
import { notedProposals, readNotes } from "../patches-notes/notes.js";
import type { Project } from "../patches-notes/source-tree.js";

export type Trees = Partial<Record<Project, string>>;

/** `evaluation` with the patches of each proposal that has notes. Errors: BadInput for a tree without the places. */
export function withPatches(evaluation: Evaluation, trees: Trees): Evaluation {
  const folder = dataFolder("patches-notes");
  const noted = new Set(notedProposals(folder));
  return {
    ...evaluation,
    proposals: evaluation.proposals.map((proposal) =>
      noted.has(proposal.name) ? { ...proposal, patches: totalsOf(folder, proposal.name, trees) } : proposal,
    ),
  };
}

const OPTIONS = { author: "nobody <nobody@localhost>", rfc: false, version: 1, signature: "" };

function totalsOf(folder: string, name: string, trees: Trees): PatchTotals[] {
  const notes = readNotes(folder, name);
  return (["linux", "xen"] as const).flatMap((project) => {
    const dir = trees[project];
    if (dir === undefined || notes.sides[project] === undefined) return [];
    const options = { ...OPTIONS, folder, measured: undefined, since: undefined };
    const { base, footprint } = makeSeries(notes, project, dir, options);
    const { patches, files, insertions, deletions, functions, recipients } = footprint;
    const layers = footprint.layers.map((layer) => ({
      layer: layer.layer,
      files: layer.files,
      insertions: layer.insertions,
      deletions: layer.deletions,
    }));
    return [
      { base, patches, files, insertions, deletions, functions, recipients: recipients.length, layers },
    ];
  });
}
