import { expect } from "chai";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BadInput } from "../../../abi/bad-input.js";
import { Strings } from "../../../experiments/import/event.js";
import { TraceImporter } from "../../../experiments/import/import-trace.js";
import { SummaryCounter } from "../../../experiments/import/summary-counter.js";
import { summaryOf, type TraceSummary } from "../../../experiments/import/summary-form.js";

const DAMAGED = join(__dirname, "..", "..", "data", "traces", "damaged");

function summarize(bytes: Buffer): TraceSummary {
  const counter = new SummaryCounter(new Strings());
  const importer = new TraceImporter("t.txt", { strings: counter.strings }, (chunk) =>
    counter.consume(chunk),
  );
  importer.push(bytes);
  return summaryOf("t.txt", importer.finish({ gzip: false }), counter);
}

/** Bytes that mean something in a recording, and any others. */
const byte = fc.oneof(fc.constantFrom(...Buffer.from(" \n\r[]:=-/.,<>()x0159Z{}\0")), fc.nat({ max: 255 }));
const edits = fc.array(fc.tuple(fc.nat({ max: 5999 }), byte, fc.constantFrom("put", "insert", "delete")), {
  minLength: 1,
  maxLength: 60,
});

describe("any bytes", () => {
  for (const file of [
    "good_base.perf.txt",
    "good_base.tracecmd.txt",
    "unfinished_never_resumed.strace.txt",
  ]) {
    it(`in place of some of ${file} are counted or refused, and never crash`, () => {
      const good = readFileSync(join(DAMAGED, file)).subarray(0, 6000);
      fc.assert(
        fc.property(edits, (changes) => {
          let bytes: Buffer = Buffer.from(good);
          for (const [at, value, how] of changes) {
            if (how === "put") bytes[at % bytes.length] = value;
            else {
              const middle = how === "insert" ? Buffer.from([value]) : Buffer.alloc(0);
              bytes = Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(at + 1 - middle.length)]);
            }
          }
          const summary = summarize(bytes);
          expect(() => JSON.stringify(summary)).not.to.throw();
          if (summary.format === "strace") return;
          expect(summary.events_total + summary.lines_not_understood).to.equal(summary.lines);
          expect(Object.values(summary.events).reduce((a, b) => a + b)).to.equal(summary.events_total);
        }),
        { numRuns: 200 },
      );
    });
  }

  it("alone are refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        expect(() => summarize(Buffer.from(bytes))).to.throw(BadInput);
      }),
    );
  });
});
