import { expect } from "chai";
import fc from "fast-check";
import { binary, bytesScale, linear, scaleFor } from "../../../cli/report/scale.js";

describe("an axis", () => {
  it("is linear while the smallest estimate can be seen", () => {
    expect(scaleFor([0.1e6, 4e6], [0.2e6, 3e6]).kind).to.equal("linear");
    expect(scaleFor([0.1e6, 400e6], [0.2e6, 300e6]).kind).to.equal("logarithmic");
  });

  it("has marks at 1, 2 or 5 times a power of ten, its ends among them", () => {
    expect(linear(0, 97).ticks).to.deep.equal([0, 50, 100]);
    expect(linear(-30, 70).ticks).to.deep.equal([-50, 0, 50, 100]);
    expect(linear(0, 4).ticks).to.deep.equal([0, 1, 2, 3, 4]);
  });

  it("has marks that are round in powers of two, for bytes", () => {
    expect(binary(120 * 1024).ticks.map((n) => n / 1024)).to.deep.equal([0, 32, 64, 96, 128]);
    expect(binary(624 * 1024).ticks.map((n) => n / 1024)).to.deep.equal([0, 256, 512, 768]);
  });

  it("for amounts of bytes that span much has powers of two for marks, none of them beside zero", () => {
    const { kind, ticks, at } = bytesScale([54 * 2 ** 30, 384 * 1024, 0]);
    expect([kind, ...ticks]).to.deep.equal(["logarithmic", 0, 2 ** 20, 2 ** 25, 2 ** 30, 2 ** 35]);
    expect([at(0), at(54 * 2 ** 30)]).to.deep.equal([0, 1]);
    expect(at(2 ** 20)).to.be.above(0.1);
    expect(bytesScale([2 ** 20, 3 * 2 ** 20]).kind).to.equal("linear");
    expect(bytesScale([0, 0]).ticks).to.deep.equal([0]);
  });

  it("stands still where nothing differs", () => {
    const scale = scaleFor([0, 0], [0]);
    expect(scale.ticks).to.deep.equal([0]);
    expect(scale.at(0)).to.equal(0);
  });

  it("keeps the order of all values, and all of them between its ends, linear or not", () => {
    const value = fc.double({ min: -1e12, max: 1e12, noNaN: true });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 12 }), (values) => {
        const scale = scaleFor(values, values);
        const sorted = [...values, 0].sort((a, b) => a - b);
        const placed = sorted.map((v) => scale.at(v));
        placed.forEach((x, i) => {
          expect(x).to.be.within(-1e-9, 1 + 1e-9);
          if (i > 0) expect(x).to.be.at.least(placed[i - 1]! - 1e-9);
        });
      }),
      { seed: 11 },
    );
  });

  it("has marks in order and at most nine", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 1e6, noNaN: true }),
        fc.double({ min: 1, max: 1e12, noNaN: true }),
        (small, large) => {
          for (const sign of [1, -1]) {
            const { ticks } = scaleFor([sign * small, large], [small, large]);
            expect(ticks.length).to.be.within(2, 9);
            expect([...ticks].sort((a, b) => a - b)).to.deep.equal([...ticks]);
          }
        },
      ),
      { seed: 13 },
    );
  });
});
