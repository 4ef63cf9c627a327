import { expect } from "chai";
import { renderReport } from "../../../cli/report/report.js";
import type { EventCounts } from "../../../abi/ledger.js";
import type { Evaluation } from "../../../experiments/results.js";
import { loadProposal } from "../../../experiments/evaluate.js";
import { secretsColumn } from "../../../experiments/secrets/column.js";
import type { Staircase } from "../../../experiments/secrets/staircase.js";
import { answerOf, sameWork, sameWorkRow } from "../../../experiments/same-work.js";
import { evaluationFixture } from "../evaluation-fixture.js";

const HOSTILE = `"><script>alert('&')</script>`;

/** The fixture, with `text` wherever a name or a sentence comes from outside. */
function saying(text: string): Evaluation {
  const outside = new Set([
    "title",
    "question",
    "reason",
    "statement",
    "what",
    "oldGuest",
    "feature",
    "file",
    "cpu",
    "conditions",
  ]);
  const replaced = JSON.stringify(evaluationFixture(), (key, value: unknown) =>
    outside.has(key) && typeof value === "string" ? text : value,
  );
  const evaluation = JSON.parse(replaced) as Evaluation;
  return {
    ...evaluation,
    workloads: evaluation.workloads.map((w) => ({ ...w, name: `${w.name}${text}` })),
    notModelled: [text],
  };
}

describe("the report", () => {
  const page = renderReport(evaluationFixture());

  it("is one whole page", () => {
    expect(page).to.match(/^<!doctype html>/);
    expect(page.trimEnd()).to.match(/<\/html>$/);
  });

  it("names nothing outside itself", () => {
    expect(page).not.to.match(/(src|href)="(?!#)/);
    expect(page).not.to.match(/url\(|@import|https?:/);
  });

  it("lets no text of the evaluation become markup", () => {
    const hostile = renderReport(saying(HOSTILE));
    expect(hostile).not.to.include("<script>alert");
    expect(hostile.match(/<script>/g)).to.have.lengthOf(1);
    expect(hostile).to.include("&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;");
  });

  it("asks whether it is the same work where both sides were evaluated, and is silent where not", () => {
    const of = (option: 1 | 2, proposal: string, counts: EventCounts) =>
      sameWorkRow(proposal, option, counts, {}, 7);
    const rows = [of(1, "in-linux", { top_sync_fault: 1234 }), of(2, "in-xen", { l4_copy: 5 })];
    const asked = renderReport({ ...evaluationFixture(), sameWork: sameWork([answerOf("make_j2", rows)]) });
    expect(page).to.not.include("same-work");
    expect(asked).to.include('<a href="#same-work">').and.include('<h2 id="same-work">');
    expect(asked).to.include("It is not the same work, on any recording.").and.include("1,234");
  });

  it("marks controls, leaves them out of its answer, and says what a guest cannot have", () => {
    const evaluation = evaluationFixture();
    const [first, ...others] = evaluation.proposals;
    const control = {
      ...first!,
      kind: "control" as const,
      verdict: "keeps" as const,
      limits: ["no more than 32"],
    };
    const marked = renderReport({ ...evaluation, proposals: [control, ...others] });
    expect(marked).to.include("<b>Control.</b>");
    expect(marked).to.include(`of ${others.length} proposals`);
    expect(marked).to.include(`${first!.name}: no more than 32`);
    expect(page).to.not.include("Control.").and.to.not.include("cannot have");
  });

  it("has a ledger for each proposal on each recording, and a link to each", () => {
    const links = [...page.matchAll(/href="#(ledger-[^"]+)"/g)].map(([, id]) => id);
    const ids = [...page.matchAll(/<details id="([^"]+)"/g)].map(([, id]) => id);
    expect(ids).to.have.lengthOf(25);
    expect(links).to.have.members(ids);
  });

  it("has no id twice, and no link without its place", () => {
    const ids = [...page.matchAll(/\bid="([^"]+)"/g)].map(([, id]) => id!);
    expect(ids).to.have.lengthOf(new Set(ids).size);
    for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect(ids).to.include(target);
  });

  it("gives each table a caption and headers, and each figure a title and a description", () => {
    const tables = page.split("<table").slice(1);
    for (const table of tables) {
      expect(table).to.match(/<caption>\s*\S/);
      expect(table).to.match(/<th scope="col"/);
    }
    const figures = [...page.matchAll(/<svg\s+id="([^"]+)"[^>]*role="img"/g)];
    expect(figures).to.have.lengthOf(30);
    for (const [, id] of figures) {
      expect(page).to.match(new RegExp(`<title id="${id}-title">[^<]+</title>`));
      expect(page).to.match(new RegExp(`<desc id="${id}-desc">[^<]+</desc>`));
    }
  });

  it("has under each figure what it was drawn from, and the command that makes it again", () => {
    const figures = page
      .split("<figure>")
      .slice(1)
      .map((rest) => rest.split("</figure>")[0]!);
    expect(figures).to.have.lengthOf(30);
    for (const figure of figures) {
      expect(figure).to.match(
        /<pre>pvtwin evaluate shared [^<]*( --workload [^<]+)? --profile \S+ --seed \d+ --out out<\/pre>/,
      );
      expect(figure.match(/<tr>/g)!.length).to.be.above(2);
    }
  });

  it("has a card for each proposal: promise, cost, secrets, boots, patches", () => {
    const cards = page.split('<article class="card"').slice(1);
    expect(cards).to.have.lengthOf(5);
    for (const card of cards) {
      const terms = [...card.matchAll(/<dt>([^<]*)<\/dt>/g)].map(([, term]) => term!.split(",")[0]!);
      expect(terms.map((term) => term.replace(/ against.*/, ""))).to.deep.equal([
        "Promise",
        "Cost",
        "Secrets in reach",
        "Boots",
        "Patches",
      ]);
    }
  });

  it("shows what is in reach by proposal and step by step, where it is known", () => {
    const fixture = evaluationFixture();
    const shared = loadProposal("shared");
    const proposals = fixture.proposals.map((one) => ({ ...one, secrets: secretsColumn(shared) }));
    const step = { removes: [], lessens: [], cycles: null, percent: null, notCounted: null };
    const steps = [
      { ...step, name: "today", classes: {}, secretBytes: 2 ** 30 },
      { ...step, name: "no directmap", classes: {}, secretBytes: 2 ** 20 },
    ];
    const leftBecause = { other_stacks: "L4s are shared" };
    const staircase: Staircase = {
      proposal: "xen-vcpu-root",
      workload: null,
      steps,
      left: ["other_stacks"],
      leftBecause,
    };
    const known = renderReport({ ...fixture, proposals, staircase });
    expect(page).to.not.include('id="secrets"');
    for (const id of ["secrets", "exposure", "staircase"]) expect(known).to.include(`id="${id}"`);
    expect(known).to.include("1. no directmap").and.include("pvtwin secrets xen-vcpu-root --staircase");
    expect(known).to.include('<span class="id">other_stacks</span>: L4s are shared');
    const ended = renderReport({ ...fixture, proposals, staircase: { ...staircase, left: [] } });
    expect(ended).to.include("After the last step of xen-vcpu-root nothing is left in reach");
    expect(known).not.to.match(/NaN|undefined|Infinity/);
  });

  it("says the answer, and what it leaves open", () => {
    const said = page.replace(/\s+/g, " ");
    expect(said).to.include("2 of 5 proposals keep the promise: <b>xen-vcpu-root</b>");
    expect(said).to.match(/<b>linux-per-thread<\/b> \([^)]*the sign open on some recordings\)/);
    expect(said).to.include("<b>xpti-copy-always</b> and <b>xpti</b> keep it only while the guest runs");
  });

  it("names what was counted and has no price", () => {
    expect(page.replace(/\s+/g, " ")).to.include(
      "without a price in the profile: <code>set_p4d</code>&nbsp;412",
    );
  });

  it("gives the same bytes for the same evaluation", () => {
    expect(renderReport(evaluationFixture())).to.equal(page);
  });

  it("has room for one proposal, no recording and no difference", () => {
    const evaluation = evaluationFixture();
    const [shared, copy] = evaluation.proposals;
    const lone = { ...evaluation, proposals: [shared!] };
    expect(renderReport(lone))
      .to.include("None of the 1 proposals")
      .and.not.to.match(/NaN|undefined|Infinity/);
    const idle = { ...evaluation, workloads: [], proposals: [{ ...copy!, cost: [], memoryBytes: [] }] };
    expect(renderReport(idle))
      .to.include("no recording")
      .and.not.to.match(/NaN|undefined|Infinity/);
    const same = { ...evaluation, proposals: [shared!, { ...shared!, name: "shared-again" }] };
    expect(renderReport(same))
      .to.include("no difference")
      .and.not.to.match(/NaN|undefined|Infinity/);
  });
});
