/**
 * The series of each proposal with notes, on small trees that have the places they need; real trees are for
 * scripts/check-series.sh.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { BadInput } from "../../abi/bad-input.js";
import { diffstat, DIFF_WIDTH } from "../../patches-notes/diffstat.js";
import { makeSeries, type SeriesOptions } from "../../patches-notes/make-series.js";
import { notedProposals, readNotes } from "../../patches-notes/notes.js";
import type { Project } from "../../patches-notes/source-tree.js";
import { writeSeries } from "../../patches-notes/write-series.js";
import { ROOT } from "../pvtwin.js";
import { folderWith, git, repositoryWith, writeFiles } from "./git.js";
import { smallTree } from "./small-tree.js";

const FOLDER = join(ROOT, "patches-notes");

const OPTIONS: SeriesOptions = {
  folder: FOLDER,
  author: "Ann Author <ann@example.org>",
  rfc: false,
  version: 1,
  signature: "pvtwin",
  measured: undefined,
  since: undefined,
};

const VERSIONS: Record<Project, string> = { linux: "6.1.192", xen: "4.17.7" };

const cases = notedProposals(FOLDER).flatMap((name) => {
  const notes = readNotes(FOLDER, name);
  return (["linux", "xen"] as const)
    .filter((project) => notes.sides[project] !== undefined)
    .map((project) => ({ name, project, notes, series: notes.sides[project]!.series }));
});

describe("the series of", () => {
  for (const { name, project, notes, series } of cases) {
    describe(`${name}, for ${project}`, () => {
      const files = smallTree(project, VERSIONS[project], series);
      let dir: string;
      before(() => (dir = repositoryWith(files)));
      after(() => rmSync(dir, { recursive: true, force: true }));

      it("applies with git am, and each patch's diffstat is git's", () => {
        const made = makeSeries(notes, project, dir, OPTIONS);
        const out = folderWith(made.files);
        try {
          for (const patch of made.patches) {
            git(dir, "am", "-q", join(out, patch.file));
            const stat = git(dir, "diff", "--stat", "HEAD~1").trimEnd().split("\n");
            expect(diffstat(patch.files, DIFF_WIDTH)).to.deep.equal(stat);
          }
        } finally {
          git(dir, "reset", "-q", "--hard", git(dir, "rev-list", "--max-parents=0", "HEAD").trim());
          rmSync(out, { recursive: true, force: true });
        }
      }).timeout(60_000);

      it("applies with patch -p1, and leaves what the edits say", () => {
        const made = makeSeries(notes, project, dir, OPTIONS);
        const tree = folderWith(files);
        for (const { text } of made.patches)
          execFileSync("patch", ["-p1", "-s", "-d", tree], { input: text });
        for (const change of readNotesChanges(made.files))
          expect(existsSync(join(tree, change))).to.equal(true);
        expect(readdirSync(tree).filter((file) => /\.(?:rej|orig)$/.test(file))).to.be.empty;
        rmSync(tree, { recursive: true, force: true });
      }).timeout(60_000);

      it("gives each function a twin that it mirrors", () => {
        for (const { file, mirrors, edits } of series) {
          const added = edits.flatMap(({ forms }) => forms.flatMap(({ lines }) => lines)).join("\n");
          for (const [own, twin] of Object.entries(mirrors)) {
            expect(added, `${file} defines ${own}`).to.match(new RegExp(`\\b${own}\\(`));
            const [path, method] = twin.split(" ") as [string, string];
            const source = readFileSync(join(ROOT, path), "utf8");
            const defines = new RegExp(
              `^(?:export )?(?:async )?(?:function |  (?:private )?)${method}\\(`,
              "m",
            );
            expect(source, `${own} mirrors ${method} of ${path}`).to.match(defines);
          }
        }
      });

      it("wraps changelogs and subjects as kernel mails have them", () => {
        for (const { file, subject, body } of series) {
          expect(subject.length, file).to.be.at.most(75);
          for (const line of body.split("\n")) expect(line.length, `${file}: ${line}`).to.be.at.most(75);
          expect(body, file).to.not.match(/\b(?:this patch|we)\b/i);
        }
      });
    });
  }
});

/** Paths that the mails change. */
function readNotesChanges(files: ReadonlyMap<string, string>): string[] {
  const all = [...files.values()].join("");
  return [...all.matchAll(/^\+\+\+ b\/(.+)$/gm)].map(([, path]) => path!);
}

describe("a tree that is not what the series wants", () => {
  const { notes, series } = cases.find(
    ({ name, project }) => name === "linux-per-vcpu" && project === "linux",
  )!;
  const MMU = "arch/x86/xen/mmu_pv.c";
  const damage = (change: (files: Map<string, string>) => void): string => {
    const files = smallTree("linux", VERSIONS.linux, series);
    change(files);
    const dir = folderWith(files);
    try {
      makeSeries(notes, "linux", dir, OPTIONS);
    } catch (error) {
      expect(error).to.be.instanceOf(BadInput);
      return (error as Error).message.replaceAll(dir, "TREE");
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
    throw new Error("the series was made");
  };
  const edit = (path: string, from: string | RegExp, to: string) => (files: Map<string, string>) =>
    void files.set(path, files.get(path)!.replaceAll(from, to));

  it("lacks a function: file, function and the names nearest to it", () => {
    const said = damage(edit(MMU, "xen_set_p4d(void)", "xen_set_p5d(void)"));
    expect(said).to.match(/^TREE\/arch\/x86\/xen\/mmu_pv\.c: has no xen_set_p4d\(\); nearest: xen_set_p5d/);
  });

  it("lacks a statement: pattern and the lines nearest to it", () => {
    const said = damage(edit(MMU, "(p4d_t *)user_ptr, val", "(p4d_t *)user_ptr, value"));
    expect(said).to.include("in xen_set_p4d(), `__xen_set_p4d_hyper((p4d_t *)user_ptr, val);` is not there");
    expect(said).to.match(/nearest: line \d+: __xen_set_p4d_hyper\(\(p4d_t \*\)user_ptr, value\);/);
  });

  it("has a statement twice: both lines", () => {
    const said = damage(
      edit(MMU, "BUG_ON(preemptible());", "BUG_ON(preemptible());\n\tBUG_ON(preemptible());"),
    );
    expect(said).to.match(/is there 2 times; nearest: line \d+: BUG_ON.*; line \d+: BUG_ON/);
  });

  it("lacks a file", () => {
    const said = damage((files) => void files.delete("arch/x86/xen/smp_pv.c"));
    expect(said).to.match(/^TREE\/arch\/x86\/xen\/smp_pv\.c: is not in this tree \(6\.1\.192\)/);
  });

  it("ends lines in CR LF", () => {
    const said = damage(edit(MMU, "\n", "\r\n"));
    expect(said).to.equal(
      "TREE/arch/x86/xen/mmu_pv.c: line 1: ends in CR LF; check the tree out with core.autocrlf=false",
    );
  });

  it("is too old", () => {
    const said = damage(edit("Makefile", "PATCHLEVEL = 1", "PATCHLEVEL = 0"));
    expect(said).to.match(/^TREE: is 6\.0\.192, older than 6\.1; the series was tried on 6\.1\.192/);
  });

  it("is no tree at all", () => {
    const said = damage((files) => files.clear());
    expect(said).to.equal("TREE/Makefile: says no version of Linux; name a Linux source tree");
  });
});

describe("the folder of a series", () => {
  it("is replaced as a whole, and refused if something else is in it", () => {
    const dir = folderWith(new Map([["0001-old.patch", "old"]]));
    writeSeries(
      dir,
      new Map([
        ["0001-new.patch", "new"],
        ["xen/0001-new.patch", "new"],
      ]),
    );
    expect(readdirSync(dir)).to.deep.equal(["0001-new.patch", "xen"]);
    writeFiles(dir, new Map([["thesis.tex", "work"]]));
    expect(() => writeSeries(dir, new Map([["0001-more.patch", "more"]]))).to.throw(BadInput, "thesis.tex");
    expect(readdirSync(dir)).to.deep.equal(["0001-new.patch", "thesis.tex", "xen"]);
    rmSync(dir, { recursive: true, force: true });
  });

  it("stays as it was where nothing can be written", () => {
    const dir = folderWith(new Map([["file", ""]]));
    mkdirSync(join(dir, "empty"));
    expect(() => writeSeries(join(dir, "file", "out"), new Map([["0001-a.patch", ""]]))).to.throw(
      BadInput,
      "ENOTDIR",
    );
    writeFileSync(join(dir, "file"), "kept");
    expect(readdirSync(dir)).to.deep.equal(["empty", "file"]);
    rmSync(dir, { recursive: true, force: true });
  });
});
