/**
 * Recipients of changes to 220 real files, against the tree's own get_maintainer.pl. No kernel is bundled: name trees that are
 * at hand, as PVTWIN_LINUX=DIR PVTWIN_XEN=DIR npm run test:long -- test/patches-notes/maintainers.long.ts
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { parseMaintainers, recipientsOf } from "../../patches-notes/maintainers.js";
import { maintainersFiles } from "../../patches-notes/render-series.js";
import { type Project, SourceTree } from "../../patches-notes/source-tree.js";
import { renderDiff } from "../../patches-notes/unified-diff.js";

const FILES = 220;

const TREES: readonly (readonly [Project, string])[] = [
  ["linux", "PVTWIN_LINUX"],
  ["xen", "PVTWIN_XEN"],
];

/** Text files of the tree, evenly from all of it; no *.yaml, whose own addresses the script adds. */
function filesOf(tree: string): string[] {
  const all = readdirSync(tree, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^(?:Kconfig|Makefile)$|\.(?:c|h|S|rst|txt|pl|sh)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(tree.length + 1))
    .filter((path) => !path.startsWith(".") && !/\s/.test(path))
    .sort();
  return Array.from({ length: FILES }, (_, i) => all[Math.floor((i * all.length) / FILES)]!);
}

/** A mail that takes one line out of the middle of `path`. */
function mailFor(tree: string, path: string): string {
  const before = readFileSync(join(tree, path), "latin1");
  const lines = before.split("\n");
  lines.splice(Math.floor(lines.length / 2), 1);
  const diff = renderDiff({ path, before, after: lines.join("\n") });
  return `Subject: [PATCH] part: Change a file\n\nBody.\n---\n\n${diff}-- \nend\n`;
}

describe("the recipients of a patch, against get_maintainer.pl", () => {
  for (const [project, variable] of TREES) {
    const tree = process.env[variable];
    if (tree === undefined) {
      it.skip(`of ${project}: ${variable} names no tree`);
      continue;
    }

    it(`are those of the script for ${FILES} files of ${tree}`, () => {
      const files = maintainersFiles(project, new SourceTree(project, tree));
      const dir = mkdtempSync(join(tmpdir(), "pvtwin-maintainers-"));
      const mail = join(dir, "0001.patch");
      const wrong: string[] = [];
      let told = 0;
      try {
        for (const path of filesOf(tree)) {
          const text = mailFor(tree, path);
          writeFileSync(mail, text, "latin1");
          const script = ["scripts/get_maintainer.pl", "--nogit", "--nogit-fallback", "--norolestats", mail];
          const said = execFileSync("perl", script, {
            cwd: tree,
            encoding: "utf8",
            stdio: ["ignore", "pipe", "pipe"],
          });
          const theirs = said.split("\n").filter((line) => line !== "");
          const ours = recipientsOf(text, files).map(({ email }) => email);
          told += ours.length;
          if (theirs.sort().join("\n") !== ours.sort().join("\n"))
            wrong.push(`${path}: ${theirs.join(", ")} instead of ${ours.join(", ")}`);
        }
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
      expect(told).to.be.greaterThan(FILES);
      expect(wrong.join("\n")).to.equal("");
    });

    it(`has a section for each heading of ${tree}'s MAINTAINERS, with all its lines`, () => {
      const text = readFileSync(join(tree, "MAINTAINERS"), "utf8");
      const sections = parseMaintainers(text);
      const lines = text.match(/^[A-Z]:\s.*$/gm)!;
      expect(sections.flatMap(({ entries }) => entries)).to.have.length(lines.length);
    });
  }
});
