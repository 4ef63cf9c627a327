/** From a proposal's notes and a tree to mail files: the series, its cover letter, its footprint. */
import { join } from "node:path";
import { BadInput } from "../abi/bad-input.js";
import { renderCoverLetter } from "./cover-letter.js";
import { footprintOf, type Footprint } from "./footprint.js";
import { hooksOf, type Hook } from "./hooks.js";
import type { Measured } from "./measured.js";
import type { Notes } from "./notes.js";
import { compareSeries } from "./range-diff.js";
import { renderSeries, versionOf, type MailOptions, type RenderedPatch } from "./render-series.js";
import { SourceTree, type Project } from "./source-tree.js";

export interface SeriesOptions extends MailOptions {
  /** patches-notes/ */
  readonly folder: string;
  readonly measured: Measured | undefined;
  /** The notes of the version before. */
  readonly since: Notes | undefined;
}

export interface MadeSeries {
  readonly project: Project;
  readonly base: string;
  readonly patches: readonly RenderedPatch[];
  readonly footprint: Footprint;
  /** Of Linux only. */
  readonly hooks: readonly Hook[];
  /** Mail files by name, the cover letter first. */
  readonly files: ReadonlyMap<string, string>;
}

/**
 * The series of one side of `notes` on the tree in `dir`.
 *
 * Errors: BadInput where the notes have no such side, and for a tree on which the series has no place.
 */
export function makeSeries(notes: Notes, project: Project, dir: string, options: SeriesOptions): MadeSeries {
  const side = notes.sides[project];
  if (side === undefined) {
    const remedy = `leave out --${project}`;
    throw new BadInput(`notes of ${notes.proposal}`, "", `have no series for ${project}`, remedy);
  }
  const changes = compareSeries(options.since?.sides[project]?.series ?? [], side.series, options.version);
  const isFirst = options.since === undefined;
  const below = (patch: number): string => (isFirst ? "" : (changes.ofPatch.get(patch) ?? ""));
  const series = renderSeries(project, side, dir, options, below);
  const footprint = footprintOf(series);
  const hooks =
    project === "linux"
      ? hooksOf(join(options.folder, "hooks.yaml"), new SourceTree(project, dir), series.changes)
      : [];
  const letter = renderCoverLetter(
    {
      notes,
      side,
      series,
      footprint,
      hooks,
      measured: options.measured,
      changelog: isFirst ? "" : changes.changelog.join("\n") || "- none",
      rangeDiff: isFirst ? "" : changes.rangeDiff,
    },
    options,
  );
  const files = new Map([[`${versionOf(options)}0000-cover-letter.patch`, letter]]);
  for (const { file, text } of series.patches) files.set(file, text);
  return { project, base: series.base, patches: series.patches, footprint, hooks, files };
}
