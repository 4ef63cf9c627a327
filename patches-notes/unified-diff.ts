/**
 * Unified diffs in git's form: written, read, applied and reversed.
 *
 * Differs: texts only; no renames, modes or binary files.
 */
import { createHash } from "node:crypto";
import { structuredPatch } from "diff";
import { BadInput } from "../abi/bad-input.js";
import type { FileChange } from "./apply-sketch.js";

export interface Hunk {
  readonly oldStart: number;
  readonly oldLines: number;
  readonly newStart: number;
  readonly newLines: number;
  /** What stands behind the second @@: the function the hunk lies in. */
  readonly heading: string;
  /** With their first character: space, `-`, `+`, or `\` for a missing newline at the end. */
  readonly lines: readonly string[];
}

export interface FileDiff {
  /** Undefined: the file is new, or deleted. */
  readonly oldPath: string | undefined;
  readonly newPath: string | undefined;
  readonly hunks: readonly Hunk[];
}

const CONTEXT = 3;

/** The diff of one change, with git's header lines. */
export function renderDiff({ path, before, after }: FileChange): string {
  const old = before ?? "";
  const { hunks } = structuredPatch(path, path, old, after, undefined, undefined, { context: CONTEXT });
  const lines = old.split("\n");
  const isNew = before === undefined;
  return [
    `diff --git a/${path} b/${path}`,
    ...(isNew ? ["new file mode 100644"] : []),
    `index ${isNew ? "0".repeat(12) : blob(old)}..${blob(after)}${isNew ? "" : " 100644"}`,
    `--- ${isNew ? "/dev/null" : `a/${path}`}`,
    `+++ b/${path}`,
    ...hunks.flatMap((hunk) => {
      const heading = headingAbove(lines, hunk.oldStart - 1);
      const range = `-${span(hunk.oldStart, hunk.oldLines)} +${span(hunk.newStart, hunk.newLines)}`;
      return [`@@ ${range} @@${heading === "" ? "" : ` ${heading}`}`, ...hunk.lines];
    }),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

/** As git writes a range: one line has no count. */
const span = (start: number, count: number): string => (count === 1 ? `${start}` : `${start},${count}`);

/** Twelve digits of the name that git gives a file. */
function blob(text: string): string {
  const bytes = Buffer.from(text, "utf8");
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex").slice(0, 12);
}

/** The last line above line `line` (from 0) that begins like a declaration. Mirrors: def_ff(), git's xdiff/xemit.c. */
function headingAbove(lines: readonly string[], line: number): string {
  for (let n = Math.min(line, lines.length) - 1; n >= 0; n--) {
    const text = lines[n]!;
    if (/^[A-Za-z_$]/.test(text) && !/^\w+:\s*$/.test(text)) return text.trimEnd().slice(0, 80).trimEnd();
  }
  return "";
}

/** Lines that a diff adds and takes away. */
export function countLines({ hunks }: Pick<FileDiff, "hunks">): { insertions: number; deletions: number } {
  let insertions = 0;
  let deletions = 0;
  for (const { lines } of hunks) {
    for (const line of lines) {
      if (line.startsWith("+")) insertions++;
      else if (line.startsWith("-")) deletions++;
    }
  }
  return { insertions, deletions };
}

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(?: (.*))?$/;

/**
 * The diffs in `text`; what stands between them (a changelog, a diffstat) is passed over.
 *
 * Errors: BadInput with the line, for a hunk that is cut short or longer than it says.
 */
export function parseDiff(text: string, file: string): FileDiff[] {
  const lines = text.split("\n");
  const diffs: FileDiff[] = [];
  for (let n = 0; n < lines.length; n++) {
    if (
      !lines[n]!.startsWith("--- ") ||
      !lines[n + 1]?.startsWith("+++ ") ||
      !lines[n + 2]?.startsWith("@@ ")
    )
      continue;
    const hunks: Hunk[] = [];
    const oldPath = pathOf(lines[n]!.slice(4));
    const newPath = pathOf(lines[n + 1]!.slice(4));
    n += 2;
    while (lines[n]?.startsWith("@@ ")) {
      const hunk = parseHunk(lines, n, file);
      hunks.push(hunk);
      n += 1 + hunk.lines.length;
    }
    diffs.push({ oldPath, newPath, hunks });
    n--;
  }
  return diffs;
}

function parseHunk(lines: readonly string[], at: number, file: string): Hunk {
  const found = HUNK.exec(lines[at]!);
  const fail = (line: number, what: string): never => {
    throw new BadInput(file, `line ${line + 1}`, what, "get the patch again");
  };
  if (found === null) return fail(at, "is no head of a hunk");
  const [, oldStart, oldCount = "1", newStart, newCount = "1", heading = ""] = found;
  let old = Number(oldCount);
  let fresh = Number(newCount);
  const body: string[] = [];
  for (let n = at + 1; ; n++) {
    const line = lines[n];
    if (line?.startsWith("\\")) {
      body.push(line);
      continue;
    }
    if (old === 0 && fresh === 0) break;
    const sign = line?.[0] ?? (line === "" && n + 1 < lines.length ? " " : undefined);
    if (sign !== " " && sign !== "-" && sign !== "+") return fail(n, "ends a hunk too early");
    if (sign !== "+") old--;
    if (sign !== "-") fresh--;
    if (old < 0 || fresh < 0) return fail(n, "makes a hunk longer than its head says");
    body.push(line === "" ? " " : line!);
  }
  return {
    oldStart: Number(oldStart),
    oldLines: Number(oldCount),
    newStart: Number(newStart),
    newLines: Number(newCount),
    heading,
    lines: body,
  };
}

/** Without its first part, as patch -p1 reads it. A quoted name is as in C. */
function pathOf(text: string): string | undefined {
  const name = text.startsWith('"')
    ? (JSON.parse(text.replace(/\\(\d{3})/g, (_, n: string) => octal(n))) as string)
    : text;
  const path = name.split("\t")[0]!;
  return path === "/dev/null" ? undefined : path.replace(/^[^/]*\//, "");
}

const octal = (digits: string): string => `\\u00${parseInt(digits, 8).toString(16).padStart(2, "0")}`;

/** The same change backwards. */
export function reversed({ oldPath, newPath, hunks }: FileDiff): FileDiff {
  const flip = (hunk: Hunk): Hunk => ({
    oldStart: hunk.newStart,
    oldLines: hunk.newLines,
    newStart: hunk.oldStart,
    newLines: hunk.oldLines,
    heading: hunk.heading,
    lines: hunk.lines.map((line) => {
      if (line.startsWith("+")) return `-${line.slice(1)}`;
      return line.startsWith("-") ? `+${line.slice(1)}` : line;
    }),
  });
  return { oldPath: newPath, newPath: oldPath, hunks: hunks.map(flip) };
}

/**
 * `text` with `diff` applied, exactly where it says.
 *
 * Errors: BadInput with the line of `text` that is not what the diff expects.
 */
export function applyDiff(diff: FileDiff, text: string): string {
  const name = diff.oldPath ?? diff.newPath ?? "";
  const old = linesOf(text);
  const out: string[] = [];
  let at = 0; // lines of `old` taken
  for (const { oldStart, oldLines, lines } of diff.hunks) {
    const start = oldLines === 0 ? oldStart : oldStart - 1;
    out.push(...old.slice(at, start));
    at = start;
    for (let n = 0; n < lines.length; n++) {
      const line = lines[n]!;
      if (line.startsWith("\\")) continue;
      const full = line.slice(1) + (lines[n + 1]?.startsWith("\\") ? "" : "\n");
      if (line.startsWith("+")) {
        out.push(full);
        continue;
      }
      if (old[at] !== full)
        throw new BadInput(name, `line ${at + 1}`, "is not as the patch expects", "take the patch's tree");
      if (line.startsWith(" ")) out.push(full);
      at++;
    }
  }
  return [...out, ...old.slice(at)].join("");
}

/** Lines with their newlines; the last may have none. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}
