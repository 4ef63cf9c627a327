import { join } from "node:path";
import { expect } from "chai";
import { ROOT } from "../pvtwin.js";
import { runMain } from "./run-main.js";

const DAMAGED = join(ROOT, "test", "data", "traces", "damaged");
const CUT = join(DAMAGED, "cut_short.perf.txt.gz");

describe("a recording that is damaged", () => {
  for (const command of [
    ["run", CUT],
    ["evaluate", "shared", "--workload", CUT],
  ]) {
    it(`is run as far as it goes, and pvtwin ${command[0]} says what is wrong on stderr, and where`, async () => {
      const { status, out: stdout, err: stderr } = await runMain(...command, "--json");
      expect(status).to.equal(0);
      expect(JSON.parse(stdout)).to.be.an("object");
      expect(stderr).to.match(
        /^pvtwin: warning: .*cut_short\.perf\.txt\.gz: line \d+: compressed data end early \(.*\)$/m,
      );
      expect(stderr).to.match(/^pvtwin: warning: .*; record again \(--strict refuses it\)$/m);
    }).timeout(30_000);

    it(`is refused by pvtwin ${command[0]} --strict`, async () => {
      const { status, out: stdout, err: stderr } = await runMain(...command, "--strict");
      expect([status, stdout]).to.deep.equal([2, ""]);
      expect(stderr).to.match(/^pvtwin: .*cut_short\.perf\.txt\.gz: line \d+: .*\n$/);
    }).timeout(30_000);
  }

  it("and one that is not is run without a word on stderr", async () => {
    const { err: stderr } = await runMain("run", join(DAMAGED, "good_base.perf.txt"), "--json");
    expect(stderr).to.equal("");
  }).timeout(30_000);
});
