/**
 * The notes of a proposal: what is argued in Markdown, and which sketches make up each side's series.
 *
 * patches-notes/NAME/notes.md has them; a folder of sketches may serve several proposals.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { BadInput } from "../abi/bad-input.js";
import { checked, parseSketch, splitFrontMatter, type Sketch } from "./sketch.js";
import type { Project } from "./source-tree.js";

const side = z.strictObject({
  /** What the cover letter is called. */
  title: z.string().max(70),
  /** Folders of sketches, below patches-notes/, in order. */
  sketches: z.array(z.string()).min(1),
  /** The oldest version that has the anchors' places. */
  oldest: z.string(),
  /** Versions that the series was applied to. */
  tested: z.array(z.string()).min(1),
});

const frontMatter = z.strictObject({
  proposal: z.string(),
  linux: side.optional(),
  xen: side.optional(),
  /** Proposals whose numbers the cover letter compares with. */
  rejected: z.array(z.strictObject({ proposal: z.string(), because: z.string() })).default([]),
});

export type Side = z.infer<typeof side> & { readonly series: readonly Sketch[] };

export interface Notes {
  readonly proposal: string;
  readonly sides: Readonly<Partial<Record<Project, Side>>>;
  readonly rejected: readonly { readonly proposal: string; readonly because: string }[];
  /** Text under each heading `# ...`, by heading. */
  readonly sections: ReadonlyMap<string, string>;
}

/** Proposals with notes in `folder`, in order. */
export function notedProposals(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, "notes.md")))
    .sort();
}

/**
 * Read the notes of `name` and all its sketches; `folder` is patches-notes/.
 *
 * Errors: BadInput for a proposal without notes, and for text that does not follow the form.
 */
export function readNotes(folder: string, name: string): Notes {
  const file = join(folder, name, "notes.md");
  if (!/^[\w-]+$/.test(name) || !existsSync(file)) {
    const there = notedProposals(folder).join(", ");
    throw new BadInput(
      name,
      "",
      "has no patch notes",
      there === "" ? `write ${file}` : `there are: ${there}`,
    );
  }
  const { head, body } = splitFrontMatter(readFileSync(file, "utf8"), file);
  const { proposal, linux, xen, rejected } = checked(frontMatter, head, file);
  const sides: Partial<Record<Project, Side>> = {};
  if (linux !== undefined) sides.linux = { ...linux, series: readSeries(folder, linux.sketches) };
  if (xen !== undefined) sides.xen = { ...xen, series: readSeries(folder, xen.sketches) };
  return { proposal, sides, rejected, sections: sectionsOf(body) };
}

function readSeries(folder: string, sketches: readonly string[]): Sketch[] {
  return sketches.flatMap((name) => {
    const dir = join(folder, name);
    const files = existsSync(dir) ? readdirSync(dir).filter((file) => file.endsWith(".md")) : [];
    if (files.length === 0) throw new BadInput(dir, "", "has no sketches", "see patches-notes/sketch.ts");
    return files.sort().map((file) => parseSketch(readFileSync(join(dir, file), "utf8"), `${name}/${file}`));
  });
}

function sectionsOf(body: string): Map<string, string> {
  const sections = new Map<string, string>();
  for (const [, heading, text] of body.matchAll(/^# (.+)\n([^]*?)(?=^# |(?![^]))/gm)) {
    sections.set(heading!.trim(), text!.trim());
  }
  return sections;
}
