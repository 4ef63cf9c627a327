import { expect } from "chai";
import fc from "fast-check";
import { bytes, exact, si, signedPercent, signedRange, signedSi, signOf } from "../../cli/numbers.js";

describe("numbers", () => {
  for (const [n, text] of [
    [0, "0"],
    [-0, "0"],
    [7, "7"],
    [999, "999"],
    [0.5, "0.50"],
    [1000, "1.00 k"],
    [1234, "1.23 k"],
    [999_499, "999 k"],
    [999_500, "1.00 M"], // rounds up into the next unit
    [1_234_567, "1.23 M"],
    [-45_600_000_000, "-45.6 G"],
    [3e18, "3,000 P"],
    [NaN, "n/a"],
    [Infinity, "n/a"],
  ] as const) {
    it(`writes ${n} as ${text}`, () => expect(si(n)).to.equal(text));
  }

  for (const [n, text] of [
    [1_234_567, "+1.23 M"],
    [-40_000, "-40.0 k"],
    [0, "0"],
  ] as const) {
    it(`writes the difference ${n} as ${text}`, () => expect(signedSi(n)).to.equal(text));
  }

  for (const [n, text] of [
    [3.1, "+3.10 %"],
    [-0.024, "-0.02 %"],
    [0.001, "+0.00 %"], // a sign where there is one, even if the digits do not show it
    [1240.6, "+1,240 %"],
    [0, "0 %"],
  ] as const) {
    it(`writes ${n} percent as ${text}`, () => expect(signedPercent(n)).to.equal(text));
  }

  for (const [n, text] of [
    [0, "0"],
    [999, "999"],
    [1000, "1,000"],
    [-1_234_567, "-1,234,567"],
    [1234.5678, "1,234.5678"],
  ] as const) {
    it(`writes the count ${n} as ${text}`, () => expect(exact(n)).to.equal(text));
  }

  for (const [n, text] of [
    [0, "0 B"],
    [4096, "4 KiB"],
    [120 * 1024, "120 KiB"],
    [1.5 * 2 ** 20, "1.50 MiB"],
    [2 ** 20 - 1, "1.00 MiB"],
  ] as const) {
    it(`writes ${n} bytes as ${text}`, () => expect(bytes(n)).to.equal(text));
  }

  it("writes a range with both signs", () => {
    expect(signedRange({ low: -2e6, likely: 1, high: 3e9 })).to.equal("[-2.00 M .. +3.00 G]");
  });

  it("calls a bracket that has zero inside open", () => {
    expect(signOf({ low: -1, likely: 5, high: 9 })).to.equal("either");
    expect(signOf({ low: 0, likely: 5, high: 9 })).to.equal("more");
    expect(signOf({ low: -9, likely: -5, high: 0 })).to.equal("less");
    expect(signOf({ low: 0, likely: 0, high: 0 })).to.equal("same");
  });

  it("is within half a percent of any number up to 10^18", () => {
    const factor: Record<string, number> = { k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 };
    fc.assert(
      fc.property(fc.double({ min: 1, max: 9e17, noNaN: true }), (n) => {
        const [digits, unit = ""] = si(n).split(" ");
        const read = Number(digits!.replace(/,/g, "")) * (factor[unit] ?? 1);
        expect(Math.abs(read - n) / n).to.be.below(0.00501);
      }),
      { seed: 7 },
    );
  });
});
