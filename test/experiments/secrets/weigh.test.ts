import { join } from "node:path";
import { expect } from "chai";
import { readProfile } from "../../../experiments/costs/profile.js";
import { loadProposal } from "../../../experiments/evaluate.js";
import { DEFAULT_HOST } from "../../../experiments/secrets/host-spec.js";
import { secretsOf } from "../../../experiments/secrets/secrets.js";
import { weigh } from "../../../experiments/secrets/weigh.js";
import { ROOT } from "../../pvtwin.js";

const OPTIONS = { host: DEFAULT_HOST, speculation: { meltdown: false, l1tf: false }, eptPublic: false };

describe("exposure weighted by a recording's time", () => {
  it("is bytes times the seconds in Xen and idle, as guest modes reach no secret", async () => {
    const file = join(ROOT, "recordings", "thread_storm.perf.txt.gz");
    const proposal = loadProposal("shared");
    const { seconds, modeSeconds, byteSeconds } = await weigh(
      file,
      proposal,
      readProfile("skylake-pcid"),
      OPTIONS,
    );
    const { xen, idle, ...guest } = modeSeconds;
    const cpuSeconds = xen + idle + guest["guest-user"] + guest["guest-kernel"];
    // both CPUs, from the first event to the last
    expect(cpuSeconds / seconds).to.be.closeTo(2, 0.05);
    for (const part of [xen, idle, guest["guest-user"]]) expect(part).to.be.within(0.01, cpuSeconds);

    const { perPcpu } = secretsOf(proposal, OPTIONS);
    const reached = (mode: string) =>
      perPcpu.find((row) => row.pcpu === 0 && row.mode === mode)!.classes.other_domains;
    const expected = xen * reached("xen") + idle * reached("idle");
    expect(byteSeconds.other_domains / expected).to.be.closeTo(1, 0.001);
  }).timeout(60_000);
});
