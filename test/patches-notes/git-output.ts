/**
 * What git writes about random changes of real files: a commit for each, as git format-patch has it, with the texts
 * before and after.
 */
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { mulberry32 } from "../../experiments/synthetic/seed.js";
import { ROOT } from "../pvtwin.js";
import { git, repositoryWith, writeFiles } from "./git.js";

export interface GitPatch {
  readonly path: string;
  readonly before: string;
  readonly after: string;
  readonly subject: string;
  /** The file of git format-patch. */
  readonly mail: string;
  /** git diff --stat. */
  readonly stat: string;
}

const FOLDERS = [
  "abi",
  "elfnotes",
  "linux-mm-model",
  "xen-model",
  "machine",
  "experiments",
  "cli",
  "test",
  "scripts",
];

/** The project's own source files. */
function sources(): string[] {
  const list = (dir: string): string[] =>
    readdirSync(join(ROOT, dir))
      .sort()
      .flatMap((name) => {
        const path = `${dir}/${name}`;
        if (statSync(join(ROOT, path)).isDirectory()) return name === "data" ? [] : list(path);
        return /\.(?:ts|js|sh|md)$/.test(name) ? [path] : [];
      });
  return FOLDERS.flatMap(list);
}

/** `count` patches, over as many files; the same for a seed. `dir` is the repository, for the caller to remove. */
export function gitPatches(count: number, seed: number): { dir: string; patches: GitPatch[] } {
  const random = mulberry32(seed);
  const paths = sources();
  const texts = new Map(paths.map((path) => [path, readFileSync(join(ROOT, path), "utf8")]));
  const dir = repositoryWith(texts);
  const patches: GitPatch[] = [];
  for (let n = 0; n < count; n++) {
    const path = paths[(n * 7) % paths.length]!;
    const before = texts.get(path)!;
    const after = changed(before, random);
    if (after === before) continue;
    texts.set(path, after);
    writeFiles(dir, new Map([[path, after]]));
    const subject = `part/${n}: Change ${path.slice(0, 40)} in a line that may well be longer than a header may be`;
    git(dir, "commit", "-q", "-a", "-m", `${subject}\n\nBody of ${n}:\n\n  indented\n`);
    const mail = git(dir, "format-patch", "-1", "--stdout");
    patches.push({ path, before, after, subject, mail, stat: git(dir, "diff", "--stat", "HEAD~1") });
  }
  return { dir, patches };
}

/** A few lines taken out, doubled, moved or changed; sometimes the newline at the end. */
function changed(text: string, random: () => number): string {
  const lines = text.split("\n");
  const at = (): number => Math.floor(random() * lines.length);
  const edits = 1 + Math.floor(random() * 6);
  for (let n = 0; n < edits; n++) {
    const kind = Math.floor(random() * 5);
    if (kind === 0) lines.splice(at(), 1 + Math.floor(random() * 8));
    else if (kind === 1) lines.splice(at(), 0, "-- ", "--- a", "+++ b", `line ${n}`);
    else if (kind === 2) lines.splice(at(), 0, "", "");
    else if (kind === 3) lines.splice(at(), 0, ...lines.splice(at(), 5));
    else lines[at()] = `changed ${Math.floor(random() * 1000)}`;
  }
  const fresh = lines.join("\n");
  return random() < 0.1 ? fresh.replace(/\n+$/, "") : fresh;
}
