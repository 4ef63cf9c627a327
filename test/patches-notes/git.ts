/** git, in repositories of the tests' own. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const IDENTITY = {
  GIT_AUTHOR_NAME: "Ann Tester",
  GIT_AUTHOR_EMAIL: "tester@example.org",
  GIT_COMMITTER_NAME: "Ann Tester",
  GIT_COMMITTER_EMAIL: "tester@example.org",
  GIT_AUTHOR_DATE: "2024-01-01T00:00:00Z",
  GIT_COMMITTER_DATE: "2024-01-01T00:00:00Z",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
};

/** What git prints. */
export function git(dir: string, ...args: string[]): string {
  return execFileSync("git", args, {
    cwd: dir,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    env: { ...process.env, ...IDENTITY },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Write files, by path below `dir`. */
export function writeFiles(dir: string, files: ReadonlyMap<string, string>): void {
  for (const [path, text] of files) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
}

/** A folder with `files`, which a test removes. */
export function folderWith(files: ReadonlyMap<string, string>): string {
  const dir = mkdtempSync(join(tmpdir(), "pvtwin-patches-"));
  writeFiles(dir, files);
  return dir;
}

/** A repository with `files` in its first commit. */
export function repositoryWith(files: ReadonlyMap<string, string>): string {
  const dir = folderWith(files);
  git(dir, "init", "-q");
  git(dir, "add", "-A", "-f");
  git(dir, "commit", "-q", "-m", "base");
  return dir;
}
