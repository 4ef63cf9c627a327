import { expect } from "chai";
import * as fc from "fast-check";
import {
  cpumask_any_but,
  cpumask_clear_cpu,
  cpumask_first,
  cpumask_set_cpu,
  cpumask_test_cpu,
  cpumask_weight,
  cpumask_words,
} from "../../abi/cpumask.js";

describe("A bitmap of CPUs", () => {
  for (const [cpus, words] of [
    [1, 1],
    [32, 1],
    [33, 2],
    [1024, 32],
  ] as const)
    it(`of ${cpus} CPUs has ${words} words`, () => expect(cpumask_words(cpus)).to.equal(words));

  it("holds the CPUs that were set and not cleared, and leaves the rows beside it alone", () => {
    const cpu = fc.nat(99);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), cpu), { maxLength: 200 }), cpu, (edits, but) => {
        const words = cpumask_words(100);
        const rows = new Uint32Array(3 * words).fill(0xdeadbeef);
        rows.fill(0, words, 2 * words);
        const set = new Set<number>();
        for (const [add, n] of edits) {
          (add ? cpumask_set_cpu : cpumask_clear_cpu)(n, rows, words);
          if (add) set.add(n);
          else set.delete(n);
        }
        for (let n = 0; n < 100; n++) expect(cpumask_test_cpu(n, rows, words)).to.equal(set.has(n));
        expect(cpumask_weight(rows, words, words)).to.equal(set.size);
        expect(cpumask_first(rows, words, words)).to.equal(set.size === 0 ? -1 : Math.min(...set));
        expect(cpumask_any_but(but, rows, words, words)).to.equal([...set].some((n) => n !== but));
        for (const row of [0, 2])
          expect(new Set(rows.slice(row * words, (row + 1) * words))).to.deep.equal(new Set([0xdeadbeef]));
      }),
    );
  });
});
