/**
 * A series on a tree: mail files, with what each changes and who gets it. Nothing is written, here or in the tree.
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { BadInput } from "../abi/bad-input.js";
import { applySketch, type FileChange } from "./apply-sketch.js";
import { diffstat, type StatLine } from "./diffstat.js";
import { layerOf } from "./layers.js";
import { renderMail } from "./mail.js";
import { recipientsOf, type MaintainersFiles, type Recipient } from "./maintainers.js";
import type { Side } from "./notes.js";
import { isOlder, SourceTree, type Project } from "./source-tree.js";
import { countLines, parseDiff, renderDiff } from "./unified-diff.js";

export interface MailOptions {
  /** `Name <address>`: the author, who signs off. */
  readonly author: string;
  readonly date?: string | undefined;
  readonly rfc: boolean;
  /** Version of the series; the first has no number in its subjects. */
  readonly version: number;
  /** Last line of each mail. */
  readonly signature: string;
}

export interface PatchFile extends StatLine {
  readonly layer: string;
}

export interface RenderedPatch {
  readonly file: string;
  readonly project: Project;
  readonly subject: string;
  readonly files: readonly PatchFile[];
  readonly maintainers: readonly Recipient[];
  readonly text: string;
  readonly diff: string;
}

export interface RenderedSeries {
  readonly project: Project;
  /** "Linux 6.1.192", and the commit where the tree is a clone. */
  readonly base: string;
  readonly commit: string | undefined;
  readonly patches: readonly RenderedPatch[];
  /** What the whole series does to each file. */
  readonly changes: readonly FileChange[];
}

/**
 * Render `side` on the tree in `dir`. `below` gives, for a patch's number from 1, what stands under its `---`.
 *
 * Errors: BadInput for a tree that is none, is too old, or lacks an anchor's place.
 */
export function renderSeries(
  project: Project,
  side: Side,
  dir: string,
  options: MailOptions,
  below: (patch: number) => string = () => "",
): RenderedSeries {
  const tree = new SourceTree(project, dir);
  if (isOlder(tree.version, side.oldest)) {
    const tested = side.tested.join(" and ");
    throw new BadInput(
      dir,
      "",
      `is ${tree.version}, older than ${side.oldest}`,
      `the series was tried on ${tested}`,
    );
  }
  const maintainers = maintainersFiles(project, tree);
  const before = new Map<string, string | undefined>();
  const patches = side.series.map((sketch, i) => {
    const changes = applySketch(sketch, tree);
    if (changes.length === 0)
      throw new BadInput(sketch.file, "", "changes nothing in this tree", "leave it out");
    for (const { path, before: text } of changes) if (!before.has(path)) before.set(path, text);
    const diff = changes.map(renderDiff).join("");
    const files = changes.map((change) => patchFile(project, change));
    const numbered = `[${prefixOf(options)} ${place(i + 1, side.series.length)}] ${sketch.subject}`;
    const text = renderMail(
      {
        from: options.author,
        date: options.date,
        subject: numbered,
        body: `${sketch.body}\n\nSigned-off-by: ${options.author}`,
        below: [below(i + 1), ...diffstat(files), ...created(files)].filter((line) => line !== "").join("\n"),
        diff,
      },
      options.signature,
    );
    const file = `${versionOf(options)}${fileName(i + 1, sketch.subject)}`;
    return {
      file,
      project,
      subject: sketch.subject,
      files,
      maintainers: recipientsOf(text, maintainers),
      text,
      diff,
    };
  });
  const changes = [...before]
    .map(([path, text]) => ({ path, before: text, after: tree.read(path)! }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const base = `${project === "linux" ? "Linux" : "Xen"} ${tree.version}`;
  return { project, base, commit: tree.commit, patches, changes };
}

/** `PATCH`, `RFC PATCH v2`: what stands in the brackets of a subject. */
export function prefixOf({ rfc, version }: MailOptions): string {
  return `${rfc ? "RFC " : ""}PATCH${version > 1 ? ` v${version}` : ""}`;
}

export const versionOf = ({ version }: MailOptions): string => (version > 1 ? `v${version}-` : "");

/** `3/12`, the first padded to the width of the second. */
export function place(n: number, of: number): string {
  return `${String(n).padStart(String(of).length, "0")}/${of}`;
}

/** Mirrors: fmt_output_subject(), git's log-tree.c: 64 characters with the ending. */
export function fileName(n: number, subject: string): string {
  const name = subject
    .replace(/[^A-Za-z0-9._]+/g, "-")
    .replace(/\.{2,}/g, ".")
    .replace(/^-/, "");
  return `${`${String(n).padStart(4, "0")}-${name}`.slice(0, 57).replace(/[-.]+$/, "")}.patch`;
}

export function patchFile(project: Project, change: FileChange): PatchFile {
  const [diff] = parseDiff(renderDiff(change), change.path);
  const isNew = change.before === undefined;
  return {
    path: change.path,
    ...countLines(diff ?? { hunks: [] }),
    isNew,
    layer: layerOf(project, change.path),
  };
}

/** Lines of --summary. */
export function created(files: readonly StatLine[]): string[] {
  return files.filter(({ isNew }) => isNew).map(({ path }) => ` create mode 100644 ${path}`);
}

export function maintainersFiles(project: Project, tree: SourceTree): MaintainersFiles {
  const text = tree.read("MAINTAINERS");
  if (text === undefined) {
    throw new BadInput(join(tree.dir, "MAINTAINERS"), "", "is not in this tree", "get a whole tree");
  }
  const isFolder = (path: string): boolean => {
    const file = join(tree.dir, path);
    return existsSync(file) && statSync(file).isDirectory();
  };
  const script = tree.read("scripts/get_maintainer.pl") ?? "";
  const reviewersAreExtra = project === "xen" && script.includes("ne 'reviewer'");
  return { project, text, mailmap: tree.read(".mailmap") ?? "", isFolder, reviewersAreExtra };
}
