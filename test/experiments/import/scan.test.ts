import { expect } from "chai";
import fc from "fast-check";
import { Scanner } from "../../../experiments/import/scan.js";

function scanner(text: string): Scanner {
  const s = new Scanner();
  s.set(Buffer.from(`9${text}9`), 1, 1 + Buffer.byteLength(text));
  return s;
}

describe("Scanner", () => {
  it("reads every 64-bit number that has a canonical address's distance from 0 exactly", () => {
    const canonical = fc.bigInt({ min: -(1n << 47n), max: (1n << 47n) - 1n });
    fc.assert(
      fc.property(canonical, (address) => {
        const s = scanner(`0x${BigInt.asUintN(64, address).toString(16)}`);
        expect(s.hex()).to.equal(Number(address));
        expect(s.atEnd).to.equal(true);
      }),
    );
  });

  it("refuses hexadecimal numbers of more than 64 bits", () => {
    expect(scanner("0xfffffffffffffffff").hex()).to.deep.equal(NaN);
    expect(scanner("0xffffffffffffffff").hex()).to.equal(-1);
  });

  it("reads a time of up to nine digits of fraction as seconds and nanoseconds", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 999999999 }), (seconds, ns) => {
        const s = scanner(`${seconds}.${String(ns).padStart(9, "0")}`);
        expect(s.timestamp()).to.equal(seconds);
        expect(s.fraction).to.equal(ns);
      }),
    );
    const s = scanner("7.5");
    s.timestamp();
    expect(s.fraction).to.equal(500000000);
  });

  it("never reads beyond its end", () => {
    const s = new Scanner();
    s.set(Buffer.from("0x12 pid=34"), 0, 3);
    expect(s.hex()).to.equal(1);
    s.set(Buffer.from("pid=34"), 0, 2);
    expect(s.literal(Buffer.from("pid="))).to.equal(false);
    expect(s.behind(Buffer.from("d="))).to.equal(false);
    expect(s.lastIndexOf(Buffer.from("d="), 2)).to.equal(-1);
  });
});
