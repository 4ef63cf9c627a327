import { expect } from "chai";
import { openQuestionLines } from "../../cli/open-questions.js";
import { renderTable } from "../../cli/table.js";
import { evaluationFixture } from "./evaluation-fixture.js";

const WIDE = { width: 300, colour: false };

describe("the table on the terminal", () => {
  it("has a row for each proposal, with its verdict, cycles, percent and range", () => {
    const [head, baseline, copyAlways] = renderTable(evaluationFixture(), WIDE).split("\n");
    expect(head).to.match(
      /^proposal +promise +make_j2 +node_workers +pgbench +redis_bench \(>=\) +thread_storm$/,
    );
    expect(baseline).to.match(/^shared +breaks +275 M cycles +110 M cycles/);
    expect(copyAlways).to.match(
      /^xpti-copy-always +guest mode only +\+98\.2 M \+35\.8 % \[\+22\.4\.\.\+58\.3\]/,
    );
  });

  it("ends all cells of a recording in the same column", () => {
    const lines = renderTable(evaluationFixture(), WIDE).split("\n").slice(1, 6);
    const ends = lines.map((line) =>
      [...line.matchAll(/(cycles|\])(?= {2}|$)/g)].map((m) => m.index + m[0].length),
    );
    expect(ends[0]).to.have.lengthOf(5);
    for (const row of ends) expect(row).to.deep.equal(ends[0]);
  });

  for (const width of [60, 80, 100, 132, 200]) {
    it(`keeps to ${width} columns`, () => {
      const lines = renderTable(evaluationFixture(), { width, colour: false })
        .split("\n\n")
        .slice(0, -1)
        .join("\n")
        .split("\n");
      for (const line of lines) expect(line.length, line).to.be.at.most(Math.max(width, 67)); // one cell has to fit
      for (const name of ["make_j2", "pgbench", "thread_storm"]) expect(lines.join(" ")).to.include(name);
    });
  }

  it("says what the patches of a proposal touch, where a tree was named", () => {
    const evaluation = evaluationFixture();
    const layers = [{ layer: "arch/x86/xen", files: 4, insertions: 308, deletions: 13 }];
    const patches = [
      {
        base: "Linux 6.1",
        patches: 8,
        files: 4,
        insertions: 308,
        deletions: 13,
        functions: 6,
        recipients: 14,
        layers,
      },
    ];
    const [first, ...others] = evaluation.proposals;
    const text = renderTable({ ...evaluation, proposals: [{ ...first!, patches }, ...others] }, WIDE);
    expect(text).to.include(
      "\nshared on Linux 6.1: 8 patches, 4 files (arch/x86/xen 4), +308 -13, 6 functions changed, 14 recipients\n",
    );
  });

  it("says which recordings give a lower bound, if any", () => {
    const evaluation = evaluationFixture();
    const complete = {
      ...evaluation,
      workloads: evaluation.workloads.map((w) => ({ ...w, lowerBound: false })),
    };
    expect(renderTable(evaluation, WIDE)).to.include("(>=): recorded without raw_syscalls:sys_enter");
    expect(renderTable(complete, WIDE)).not.to.include(">=");
  });

  it("has colour around verdicts only where it is asked for, and the same text without", () => {
    const plain = renderTable(evaluationFixture(), WIDE);
    const colourful = renderTable(evaluationFixture(), { ...WIDE, colour: true });
    expect(plain).not.to.include("\x1b");
    expect(colourful).to.include("\x1b[32m  keeps\x1b[0m");
    // eslint-disable-next-line no-control-regex
    expect(colourful.replace(/\x1b\[\d+m/g, "")).to.equal(plain);
  });

  it("sends no control character of a file's name to the terminal", () => {
    const evaluation = evaluationFixture();
    const [first, ...others] = evaluation.workloads;
    const text = renderTable(
      { ...evaluation, workloads: [{ ...first!, name: "a\x1b[2Jb" }, ...others] },
      WIDE,
    );
    expect(text).to.include("a?[2Jb").and.not.to.include("\x1b");
  });

  it("gives the same text for the same evaluation", () => {
    expect(renderTable(evaluationFixture(), WIDE)).to.equal(renderTable(evaluationFixture(), WIDE));
  });
});

describe("the comparisons that the prices leave open", () => {
  it("are listed with their share of the draws and the price that turns them, the decided ones not", () => {
    const evaluation = evaluationFixture();
    const lines = openQuestionLines(evaluation, 100);
    expect(lines).to.match(/xpti below xpti-copy-always; turns where cr3_write is 120/);
    const decided = evaluation.comparisons.filter(({ probabilityCheaper: p }) => p === 0 || p === 1);
    for (const { workload, a, b } of decided) {
      expect(lines).to.not.match(new RegExp(`${workload} .*(${a} below ${b}|${b} below ${a});`));
    }
  });

  it("are not about controls, between which nobody chooses", () => {
    const evaluation = evaluationFixture();
    const proposals = evaluation.proposals.map((proposal) =>
      proposal.name === "xpti" ? { ...proposal, kind: "control" as const } : proposal,
    );
    expect(openQuestionLines({ ...evaluation, proposals }, 100)).to.not.match(/ xpti below| below xpti;/);
  });

  it("are no lines where all is decided", () => {
    const evaluation = evaluationFixture();
    const [shared, ...others] = evaluation.proposals;
    expect(openQuestionLines({ ...evaluation, proposals: [shared!], comparisons: [] }, 100)).to.equal("");
    expect(others).to.not.be.empty;
  });
});
