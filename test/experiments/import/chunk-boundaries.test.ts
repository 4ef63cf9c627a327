import { expect } from "chai";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readRecording } from "../../../experiments/import/recording.js";
import { summarizeTrace } from "../../../experiments/import/summary.js";
import { importBytes } from "./import-text.js";

const DATA = join(__dirname, "..", "..", "data", "traces");

describe("the pieces in which a recording is read", () => {
  for (const name of [
    "damaged/good_base.perf.txt",
    "damaged/good_base.tracecmd.txt",
    "damaged/unfinished_never_resumed.strace.txt",
    "damaged/crlf.perf.txt",
    "damaged/bom_no_final_newline.perf.txt",
    "damaged/binary_garbage.perf.txt",
  ]) {
    it(`do not matter for the events and the report of ${name}`, () => {
      const bytes = readFileSync(join(DATA, name));
      const whole = importBytes(bytes);
      const cuts = fc.array(fc.nat({ max: bytes.length }), { maxLength: 40 });
      fc.assert(
        fc.property(cuts, (at) => {
          const { rows, report } = importBytes(
            bytes,
            at.sort((a, b) => a - b),
          );
          expect(rows).to.deep.equal(whole.rows);
          expect(report).to.deep.equal(whole.report);
        }),
        { numRuns: 30 },
      );
    });
  }

  it("may be single bytes", () => {
    const bytes = readFileSync(join(DATA, "damaged/bom_no_final_newline.perf.txt"));
    const cuts = Array.from({ length: bytes.length }, (_, i) => i);
    expect(importBytes(bytes, cuts).rows).to.deep.equal(importBytes(bytes).rows);
  });
});

describe("a recording", () => {
  let folder: string;
  before(async () => (folder = await mkdtemp(join(tmpdir(), "pvtwin-import-"))));
  after(() => rm(folder, { recursive: true }));

  it("is told to be gzip by its bytes, not by its name", async () => {
    const packed = readFileSync(join(DATA, "odd_names.perf.txt.gz"));
    const plainFile = join(folder, "plain.gz");
    const packedFile = join(folder, "packed.txt");
    await writeFile(plainFile, gunzipSync(packed));
    await writeFile(packedFile, packed);
    const plain = await summarizeTrace(plainFile);
    const gzip = await summarizeTrace(packedFile);
    expect({ ...plain.summary, file: "" }).to.deep.equal({ ...gzip.summary, file: "" });
    expect(plain.report).to.deep.equal(gzip.report);
  });

  it("keeps all its events, over chunks, when it is read whole", async () => {
    const { chunks, events, cpus, counts } = await readRecording(
      join(DATA, "thread_storm_b.xenpv.perf.txt.gz"),
    );
    expect(chunks.reduce((sum, chunk) => sum + chunk.n, 0)).to.equal(8035);
    expect({ events, cpus, ...counts }).to.deep.equal({
      events: 8035,
      cpus: 2,
      sys_enter: 0,
      faults: 3640,
      switches: 2303,
    });
  });

  it("may have a line of any length", () => {
    const good = "            true 7/7 [000] 1.5: irq_vectors:local_timer_entry: vector=236\n";
    const { report } = importBytes(Buffer.from(good + `${"x".repeat(300000)}\n` + good), [70000, 200000]);
    expect([report.events, report.linesNotUnderstood, report.firstLinesNotUnderstood]).to.deep.equal([
      2,
      1,
      [2],
    ]);
  });
});
