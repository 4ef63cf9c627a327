import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { makeSeries, type SeriesOptions } from "../../patches-notes/make-series.js";
import type { Measured } from "../../patches-notes/measured.js";
import { notedProposals, readNotes } from "../../patches-notes/notes.js";
import type { Project } from "../../patches-notes/source-tree.js";
import { parseMbox } from "../../patches-notes/mail.js";
import { compareSeries } from "../../patches-notes/range-diff.js";
import { filled } from "../../patches-notes/wrap.js";
import { ROOT } from "../pvtwin.js";
import { folderWith } from "./git.js";
import { smallTree } from "./small-tree.js";

const FOLDER = join(ROOT, "patches-notes");

const proposals = ["shared", "xpti", "xen-vcpu-root", "linux-per-thread", "linux-per-thread-unlazy"].concat([
  "linux-per-mm-vcpu",
  "linux-per-vcpu",
  "linux-per-vcpu-local-flush",
]);

const WORKLOADS = ["redis_bench", "make_j2", "thread_storm", "node_workers"];

/** An evaluation whose numbers cannot be mistaken for others. */
const MEASURED: Measured = {
  command: "pvtwin evaluate --out out",
  baseline: "shared",
  profile: "test-profile",
  workloads: WORKLOADS.map((name) => ({ name, events: 1000 })),
  proposals: proposals.map((name, i) => ({
    name,
    verdict: name === "shared" ? "breaks" : "keeps",
    oldGuest: "runs in a box",
    costs: WORKLOADS.map((workload) => ({
      workload,
      percent: { low: i, likely: i + 0.25, high: 100 + i },
    })),
    memory: WORKLOADS.map((workload) => ({
      workload,
      guest: 8192 * i,
      xen: 4096,
    })),
  })),
};

const OPTIONS: SeriesOptions = {
  folder: FOLDER,
  author: "Ann Author <ann@example.org>",
  rfc: true,
  version: 2,
  signature: "pvtwin",
  measured: MEASURED,
  since: undefined,
};

function letter(name: string, options: Partial<SeriesOptions> = {}, project: Project = "linux") {
  const notes = readNotes(FOLDER, name);
  const version = project === "linux" ? "6.1.192" : "4.17.7";
  const dir = folderWith(smallTree(project, version, notes.sides[project]!.series));
  try {
    const made = makeSeries(notes, project, dir, { ...OPTIONS, ...options });
    const [file, text] = [...made.files][0]!;
    return { file, text, mail: parseMbox(text, file)[0]! };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

describe("a cover letter", () => {
  for (const name of notedProposals(FOLDER)) {
    it(`of ${name} stays within 72 columns and leaves no number open`, () => {
      const { mail } = letter(name);
      for (const line of mail.body.split("\n")) {
        if (!line.startsWith("  ")) expect(line.length, line).to.be.at.most(72);
      }
      expect(mail.body).to.not.match(/\{|not measured/);
    });

    it(`of ${name} claims nothing where nothing was measured`, () => {
      const { mail } = letter(name, { measured: undefined });
      expect(mail.body).to.include("Nothing was measured for this letter");
      expect(mail.body).to.not.match(/\d%/);
    });
  }

  it("has the numbers of the evaluation, and the command that measured them", () => {
    const { file, mail } = letter("linux-per-vcpu");
    expect(file).to.equal("v2-0000-cover-letter.patch");
    expect(mail.subject).to.equal("[RFC PATCH v2 0/9] x86/xen: Top-level pagetables that no two vCPUs share");
    expect(mail.body).to.match(/^ {2}linux-per-vcpu +\+6\.25 +\+6\.00 +\+106 +52$/m);
    expect(mail.body).to.include("    pvtwin evaluate --out out");
    expect(mail.body).to.match(/costs\s+\+2\.25%\s+\[\+2\.00\.\.\+102\]\s+on\s+redis_bench/);
  });

  it("answers each side's objections in its own letter, and says what becomes of other guests in both", () => {
    const [linux, xen] = (["linux", "xen"] as const).map(
      (side) => letter("linux-per-vcpu", {}, side).mail.body,
    );
    expect(linux).to.include("Per-CPU PGDs again?").and.not.include("Who holds the lock");
    expect(xen).to.include("Who holds the lock").and.not.include("Per-CPU PGDs again?");
    for (const body of [linux, xen])
      expect(body)
        .to.match(/runs\s+in\s+a\s+box/)
        .and.not.match(/\((?:Linux|Xen)\) /);
  });

  it("ends with shortlog, diffstat and base", () => {
    const { mail } = letter("linux-per-vcpu");
    expect(mail.body).to.include("Ann Author (9):\n  xen: Add XENFEAT_exclusive_l4 to the interface");
    expect(mail.body).to.match(/ \d files changed, \d+ insertions\(\+\), \d+ deletions\(-\)\n/);
    expect(mail.body).to.match(/base: Linux 6\.1\.192$/);
  });

  it("says what changed since older notes, and how", () => {
    const notes = readNotes(FOLDER, "linux-per-vcpu");
    const series = notes.sides.linux!.series;
    const [first, ...others] = series;
    const old = [
      { ...first!, body: "Said in other words." },
      ...others.slice(1),
      { ...first!, subject: "xen: Gone" },
    ];
    const since = { ...notes, sides: { linux: { ...notes.sides.linux!, series: old } } };
    const { mail } = letter("linux-per-vcpu", { since });
    expect(mail.body).to.include(
      "- changed: xen: Add XENFEAT_exclusive_l4 to the interface\n- new: x86/xen: Split base",
    );
    expect(mail.body).to.include("- dropped: xen: Gone");
    expect(mail.body).to.include("1:  ! 1:  xen: Add XENFEAT_exclusive_l4");
    expect(mail.body).to.include("    -Said in other words.");
    expect(compareSeries(series, series, 2).changelog).to.be.empty;
  });
});

describe("filled text", () => {
  it("keeps words, lists and indented blocks", () => {
    const text = "One `two` three.\n\n- a list that is longer\n  than a line\n\n    code   stays";
    expect(filled(text, 12)).to.equal(
      "One two\nthree.\n\n- a list\n  that is\n  longer\n  than a\n  line\n\n    code   stays",
    );
  });
});
