/** What holds for each patch that git has written: shared by a short and a long run. */
import { rmSync } from "node:fs";
import { expect } from "chai";
import { diffstat, DIFF_WIDTH, FORMAT_PATCH_WIDTH } from "../../patches-notes/diffstat.js";
import { parseMbox, renderMail } from "../../patches-notes/mail.js";
import { applyDiff, countLines, parseDiff, renderDiff, reversed } from "../../patches-notes/unified-diff.js";
import { git, repositoryWith } from "./git.js";
import { gitPatches } from "./git-output.js";
import { execFileSync } from "node:child_process";

/** Look at `count` patches of git's. Returns how many there were. */
export function holdAgainstGit(count: number, seed: number): number {
  const { dir, patches } = gitPatches(count, seed);
  try {
    for (const { path, before, after, subject, mail, stat } of patches) {
      const [read, ...more] = parseMbox(mail, subject);
      expect(more, subject).to.be.empty;
      expect(read!.subject).to.equal(`[PATCH] ${subject}`);
      expect(read!.from).to.equal("Ann Tester <tester@example.org>");
      expect(read!.body).to.match(/^Body of \d+:\n\n {2}indented$/);

      const [diff, ...others] = parseDiff(mail, subject);
      expect(others, subject).to.be.empty;
      expect(diff!.newPath).to.equal(path);
      expect(applyDiff(diff!, before), subject).to.equal(after);
      expect(applyDiff(reversed(diff!), after), subject).to.equal(before);

      const line = { path, ...countLines(diff!), isNew: false };
      expect(diffstat([line], DIFF_WIDTH)).to.deep.equal(stat.trimEnd().split("\n"));
      const inMail = read!.below.split("\n").map((text, i) => (i === 0 ? ` ${text}` : text));
      expect(inMail).to.deep.equal(diffstat([line], FORMAT_PATCH_WIDTH));
    }
    expect(parseMbox(patches.map(({ mail }) => mail).join(""), "all")).to.have.length(patches.length);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return patches.length;
}

/** Have git apply `count` patches that this project writes. Returns how many there were. */
export function haveGitApply(count: number, seed: number): number {
  const { dir, patches } = gitPatches(count, seed);
  rmSync(dir, { recursive: true, force: true });
  const base = new Map<string, string>();
  for (const { path, before } of patches) if (!base.has(path)) base.set(path, before);
  const repository = repositoryWith(base);
  try {
    const mails = patches.map(({ path, before, after, subject }) =>
      renderMail(
        {
          from: "Ann Äuthor <ann@example.org>",
          subject: `[PATCH] ${subject}`,
          body: "Body.",
          below: "below",
          diff: renderDiff({ path, before, after }),
        },
        "end",
      ),
    );
    execFileSync("git", ["-c", "user.name=T", "-c", "user.email=t@example.org", "am", "-q", "--keep-cr"], {
      cwd: repository,
      input: mails.join(""),
    });
    for (const { path, after } of new Map(patches.map((patch) => [patch.path, patch])).values()) {
      expect(git(repository, "show", `HEAD:${path}`), path).to.equal(after);
    }
    const subjects = git(repository, "log", "--reverse", "--format=%s|%an", "HEAD")
      .trimEnd()
      .split("\n")
      .slice(1);
    expect(subjects).to.deep.equal(patches.map(({ subject }) => `${subject}|Ann Äuthor`));
  } finally {
    rmSync(repository, { recursive: true, force: true });
  }
  return patches.length;
}
