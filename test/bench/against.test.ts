/** What `npm run bench` says of two runs: which rows became slower by more than their noise, and which ratios lost too much. */
import { expect } from "chai";

interface Row {
  readonly name: string;
  readonly kind: "ratio" | "value";
  readonly min: number;
  readonly median: number;
  readonly max: number;
  readonly bar?: { readonly atLeast?: number; readonly atMost?: number };
}

// eslint-disable-next-line @typescript-eslint/no-require-imports
const { lost, slower } = require("../../bench/against.js") as {
  slower(earlier: readonly Row[], now: readonly Row[]): string[];
  lost(baseline: Readonly<Record<string, number>>, now: readonly Row[]): string[];
};

const row = (median: number, others: Partial<Row> = {}): Row => ({
  name: "walk",
  kind: "ratio",
  min: median * 0.95,
  median,
  max: median * 1.05,
  bar: { atLeast: 0.85 },
  ...others,
});
const AT_MOST = { bar: { atMost: 1.05 } };

describe("a bench.json against an earlier one", () => {
  it("names a row whose range lies below the earlier one's, with both", () => {
    expect(slower([row(1)], [row(0.8)])).to.deep.equal([
      "slower: walk: 1.00 [0.950..1.05] became 0.800 [0.760..0.840]",
    ]);
  });

  it("says nothing where the ranges meet, nor of what became faster, nor of a row that is new", () => {
    expect(slower([row(1)], [row(0.92)])).to.deep.equal([]);
    expect(slower([row(1)], [row(2)])).to.deep.equal([]);
    expect(slower([], [row(0.1)])).to.deep.equal([]);
  });

  it("takes more for worse where the bar is a most", () => {
    expect(slower([row(1, AT_MOST)], [row(1.2, AT_MOST)])).to.have.lengthOf(1);
    expect(slower([row(1, AT_MOST)], [row(0.8, AT_MOST)])).to.deep.equal([]);
  });
});

describe("a short bench against the committed ratios", () => {
  for (const [now, complaints] of [
    [0.71, 0],
    [0.69, 1],
  ] as const) {
    it(`has ${complaints} to say of ${now} where ${1} was measured`, () => {
      expect(lost({ walk: 1 }, [row(now)])).to.have.lengthOf(complaints);
    });
  }

  it("says how much was lost, of what, and where the earlier one stands", () => {
    expect(lost({ walk: 1 }, [row(0.6)])).to.deep.equal([
      "lost 40 %: walk: 1 in bench/baseline.json, now 0.600 [0.570..0.630]",
    ]);
  });

  it("takes more for a loss where the bar is a most", () => {
    expect(lost({ walk: 1 }, [row(1.5, AT_MOST)])).to.have.lengthOf(1);
    expect(lost({ walk: 1 }, [row(1.4, AT_MOST)])).to.deep.equal([]);
  });

  it("says nothing where a repetition reached what was measured: other work took the time of the rest", () => {
    expect(lost({ walk: 1 }, [row(0.5, { max: 1 })])).to.deep.equal([]);
    expect(lost({ walk: 1 }, [row(2, { ...AT_MOST, min: 1 })])).to.deep.equal([]);
  });

  it("compares ratios only: values are of one machine", () => {
    expect(lost({ walk: 1 }, [row(0.1, { kind: "value" })])).to.deep.equal([]);
  });
});
