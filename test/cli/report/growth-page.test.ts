import { expect } from "chai";
import { growthText } from "../../../cli/growth-text.js";
import { growthPage } from "../../../cli/report/growth-page.js";
import { logScale } from "../../../cli/report/log-scale.js";
import { growthFixture } from "../growth-fixture.js";

const page = growthPage("vcpus", growthFixture(), "pvtwin sweep vcpus.yaml --out out");

describe("the page of how costs grow", () => {
  it("says in words what each figure shows, from which to which value", () => {
    const said = [...page.matchAll(/<desc [^>]*>([^<]+)<\/desc>/g)].map(([, text]) => text);
    expect(said).to.have.lengthOf(2);
    expect(said[0]).to.include("shared: 1.00 M at 1, 1.02 G at 1,024");
    expect(said[1]).to.include("linux-per-something-8: 9 x at 1, 9.44 M x at 1,024");
  });

  it("has under each figure its numbers as a table, and the command", () => {
    expect(page.match(/<pre>pvtwin sweep vcpus.yaml --out out<\/pre>/g)).to.have.lengthOf(2);
    const rows = [...page.matchAll(/<tr>\s*<th scope="row">linux-per-something-8<\/th>([^]*?)<\/tr>/g)];
    const cells = rows.map(([, row]) =>
      row!
        .replace(/<[^>]+>/g, " ")
        .trim()
        .split(/\s{2,}/),
    );
    expect(cells[0]).to.deep.equal([
      "9.00\u202fM",
      "576\u202fM",
      "36.9\u202fG",
      "2.36\u202fT",
      "151\u202fT",
      "9.66\u202fP",
    ]);
  });

  it("names each line beside its colour, and breaks lines whose colour is used again", () => {
    expect(page.match(/class="line line-0 broken"/g)).to.have.lengthOf(4);
    for (const { proposal } of growthFixture()) expect(page).to.include(proposal);
  });

  it("makes equal factors equally long", () => {
    const { at, ticks } = logScale([1, 1e6]);
    expect(at(1e3)).to.be.closeTo(0.5, 1e-9);
    expect(ticks).to.deep.equal([1, 10, 100, 1e3, 1e4, 1e5, 1e6]);
    expect(logScale([1.2, 170]).ticks).to.deep.equal([1, 2, 5, 10, 20, 50, 100, 200]);
  });
});

describe("the same as text", () => {
  it("has a row a design, its exponent, and what costs most with its own", () => {
    const lines = growthText(growthFixture()).trimEnd().split("\n").slice(1);
    expect(lines[0]).to.equal(
      "synthetic, skylake-pcid: likely cycles of a second by vcpus; exponents over the larger half",
    );
    expect(lines[1]).to.match(/^vcpus +1 +4 +16 +64 +256 +1,024 +exponent +most at the end$/);
    expect(lines.at(-1)).to.match(/^linux-per-something-8 .* 9\.66 P +3\.00 +ipi_sent 50 % \(3\.00\)$/);
  });
});
