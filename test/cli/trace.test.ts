import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runMain } from "./run-main.js";

const DATA = join(__dirname, "..", "data", "traces");

describe("pvtwin trace summary", () => {
  it("--json prints one document and nothing else", async () => {
    const { status, out, err } = await runMain(
      "trace",
      "summary",
      join(DATA, "odd_names.perf.txt.gz"),
      "--json",
    );
    const expected: unknown = JSON.parse(readFileSync(join(DATA, "odd_names.perf.summary.json"), "utf8"));
    expect(JSON.parse(out)).to.deep.equal(expected);
    expect([status, err]).to.deep.equal([0, ""]);
  });

  it("prints a table for people", async () => {
    const { status, out } = await runMain("trace", "summary", join(DATA, "odd_names.perf.txt.gz"));
    expect(status).to.equal(0);
    expect(out).to.match(/^recording +odd_names\.perf\.txt\.gz \(perf\)$/m);
    expect(out).to.match(/^page_fault_user +448$/m);
  });

  it("tells on stderr what is damaged, and how often", async () => {
    const { status, out, err } = await runMain(
      "trace",
      "summary",
      join(DATA, "damaged", "lost_events.perf.txt"),
      "--json",
    );
    expect(status).to.equal(0);
    expect((JSON.parse(out) as { events_total: number }).events_total).to.equal(257);
    expect(err).to.match(
      /^pvtwin: warning: .*: line 42: the recorder says that it lost events \(4 times\)\n$/,
    );
  });

  it("refuses damage with --strict, with exit status 2 and nothing on stdout", async () => {
    const file = join(DATA, "damaged", "lost_events.perf.txt");
    const { status, out, err } = await runMain("trace", "summary", file, "--strict", "--json");
    expect([status, out]).to.deep.equal([2, ""]);
    expect(err).to.equal(
      `pvtwin: ${file}: line 42: the recorder says that it lost events; record again, or leave out --strict\n`,
    );
  });

  it("has an example in its help", async () => {
    const { status, out } = await runMain("trace", "summary", "--help");
    expect(status).to.equal(0);
    expect(out).to.include("pvtwin trace summary recordings/");
  });
});
