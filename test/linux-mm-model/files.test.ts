import { expect } from "chai";
import fc from "fast-check";
import { State } from "../../abi/state.js";
import { FileTable } from "../../linux-mm-model/files.js";

describe("pages of a file", () => {
  it("wrap around behind its last, whatever the offset of the mapping", () => {
    const files = new FileTable(new State(4096), 1);
    files.first[0] = 1000;
    const pages = fc.integer({ min: 1, max: 2 ** 24 });
    const index = fc.oneof(
      fc.nat(2 ** 31 - 1),
      fc.maxSafeNat().map((page) => page % 2 ** 51),
    );
    fc.assert(
      fc.property(pages, index, fc.constantFrom(-1, 0, 1), (length, at, beside) => {
        files.pages[0] = length;
        const turns = Math.floor(at / length) * length;
        for (const page of [at, Math.max(turns + beside, 0)])
          expect(files.frame(0, page) - 1000).to.equal(Number(BigInt(page) % BigInt(length)));
      }),
      { numRuns: 2000 },
    );
  });
});
