/**
 * Two versions of a series compared: which patches came, went or changed, and how.
 *
 * Mirrors: git range-diff in its output's form. Differs: patches are matched by subject.
 */
import { createTwoFilesPatch } from "diff";
import type { Sketch } from "./sketch.js";

export interface SeriesChanges {
  /** A line each, for the cover letter. */
  readonly changelog: readonly string[];
  /** For each patch of the new version, by number from 1: what goes below its `---`. */
  readonly ofPatch: ReadonlyMap<number, string>;
  readonly rangeDiff: string;
}

/** What `fresh` changes of `old`, a version whose number is `version`. */
export function compareSeries(
  old: readonly Sketch[],
  fresh: readonly Sketch[],
  version: number,
): SeriesChanges {
  const changelog: string[] = [];
  const ofPatch = new Map<number, string>();
  const ranges: string[] = [];
  fresh.forEach((sketch, i) => {
    const before = old.findIndex(({ subject }) => subject === sketch.subject);
    const row = (sign: string): string =>
      `${before < 0 ? "-" : before + 1}:  ${sign} ${i + 1}:  ${sketch.subject}`;
    if (before < 0) {
      changelog.push(`- new: ${sketch.subject}`);
      ofPatch.set(i + 1, ` v${version}: - new`);
      ranges.push(row(">"));
      return;
    }
    const [was, is] = [textOf(old[before]!), textOf(sketch)];
    if (was === is) {
      ranges.push(row("="));
      return;
    }
    changelog.push(`- changed: ${sketch.subject}`);
    ofPatch.set(i + 1, ` v${version}: - changed, see the range-diff of the cover letter`);
    const diff = createTwoFilesPatch("", "", was, is, undefined, undefined, { context: 1 });
    ranges.push(
      row("!"),
      ...diff
        .split("\n")
        .slice(4)
        .filter(Boolean)
        .map((line) => `    ${line}`),
    );
  });
  old.forEach(({ subject }, i) => {
    if (fresh.some((sketch) => sketch.subject === subject)) return;
    changelog.push(`- dropped: ${subject}`);
    ranges.push(`${i + 1}:  < -:  ${subject}`);
  });
  return { changelog, ofPatch, rangeDiff: ranges.join("\n") };
}

/** Changelog and edits, without where they stand. */
function textOf({ body, edits }: Sketch): string {
  const forms = edits.flatMap(({ path, forms }) =>
    forms.flatMap(({ anchor, lines }) => [
      `## ${path}`,
      anchor === undefined
        ? "new file"
        : `${anchor.scope ?? ""} ${anchor.where} ${anchor.pattern ?? ""}`.trim(),
      ...lines,
    ]),
  );
  return `${body}\n${forms.join("\n")}\n`;
}
