/** What `pvtwin evaluate` writes must be a function of what it is asked alone. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { pvtwin, ROOT } from "../pvtwin.js";

export const STORM = join(ROOT, "recordings", "thread_storm.perf.txt.gz");
export const ODD = join(ROOT, "test", "data", "traces", "odd_names.perf.txt.gz");
/** The beginning of a storm of threads, without raw system calls. */
export const SHORT_STORM = join(ROOT, "test", "data", "traces", "thread_storm_b.xenpv.perf.txt.gz");

/** Evaluate `proposals`, all if none is named, on recordings thrice, on one worker and on two; files go to `dir`. */
export function givesTheSameBytes(
  dir: string,
  proposals: readonly string[],
  recordings: readonly string[],
): void {
  /** results.json of a run, without what is of the host. */
  const results = (name: string, workers: string): string => {
    const out = join(dir, name);
    const args = ["evaluate", ...proposals, "--workers", workers, "--workload", ...recordings, "--out", out];
    expect(pvtwin(args).status).to.equal(0);
    const { host: _host, ...rest } = JSON.parse(readFileSync(join(out, "results.json"), "utf8"));
    return JSON.stringify(rest);
  };
  const one = results("one", "1");
  expect(results("two", "2")).to.equal(one);
  expect(results("again", "1")).to.equal(one);
}
