import { expect } from "chai";
import { renderMail } from "../../cli/mail.js";
import { evaluationFixture } from "./evaluation-fixture.js";

describe("the summary for a mail", () => {
  const evaluation = evaluationFixture();
  const text = renderMail(evaluation);

  it("keeps to 72 columns of plain ASCII", () => {
    expect(text).to.match(/^[\n\x20-\x7e]*$/);
    for (const line of text.split("\n")) expect(line.length, line).to.be.at.most(72);
  });

  it("keeps to them with long names too", () => {
    const [first, ...others] = evaluation.proposals;
    const long = { ...first!, name: "a-proposal-with-the-longest-name-that-anybody-has-thought-of" };
    for (const line of renderMail({ ...evaluation, proposals: [long, ...others] }).split("\n"))
      expect(line.length, line).to.be.at.most(72);
  });

  it("has each verdict, each cost with its range, the open comparisons, and what is not in the numbers", () => {
    expect(text).to.match(/^ {2}xpti +guest mode only$/m);
    for (const { name } of evaluation.workloads) expect(text).to.include(`${name} (`);
    expect(text).to.match(/^ {2}xpti +\+\d[\d.,]* % \[[+-]?[\d.,]+ \.\. [+-]?[\d.,]+\]$/m);
    expect(text).to.include("Not decided by all of 10,000 draws").and.include("cache misses");
    expect(text).to.match(/\npvtwin 0\.1\.0\n$/);
  });
});
