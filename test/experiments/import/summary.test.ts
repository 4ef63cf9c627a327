import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { summarizeTrace } from "../../../experiments/import/summary.js";

const DATA = join(__dirname, "..", "..", "data", "traces");
const RECORDINGS = join(__dirname, "..", "..", "..", "recordings");

/** Recordings, and the summary that an independent script made of each. */
const PAIRS: [recording: string, summary: string][] = [
  [join(RECORDINGS, "redis_bench.perf.txt.gz"), "redis_bench.perf"],
  [join(RECORDINGS, "make_j2.perf.txt.gz"), "make_j2.perf"],
  [join(RECORDINGS, "thread_storm.perf.txt.gz"), "thread_storm.perf"],
  [join(RECORDINGS, "node_workers.perf.txt.gz"), "node_workers.perf"],
  [join(DATA, "odd_names.perf.txt.gz"), "odd_names.perf"],
  [join(DATA, "odd_names.tracecmd.txt.gz"), "odd_names.tracecmd"],
  [join(DATA, "make_j2.strace.txt.gz"), "make_j2.strace"],
  [join(DATA, "thread_storm.strace.txt.gz"), "thread_storm.strace"],
  [join(DATA, "thread_storm.xenpv.tracecmd.txt.gz"), "thread_storm.xenpv"],
  [join(DATA, "thread_storm_b.xenpv.perf.txt.gz"), "thread_storm_b.xenpv"],
];

describe("summarizeTrace", () => {
  for (const [recording, name] of PAIRS) {
    it(`counts in ${name} what an independent script counts, without a warning`, async () => {
      const expected = JSON.parse(readFileSync(join(DATA, `${name}.summary.json`), "utf8")) as object;
      const { summary, report } = await summarizeTrace(recording, { strict: true });
      const json = JSON.parse(JSON.stringify(summary)) as { file?: string };
      expect({ ...json, file: "" }).to.deep.equal({ ...expected, file: "" });
      expect(report.warnings).to.deep.equal([]);
    });
  }
});
