import { expect } from "chai";
import { join } from "node:path";
import { readProfile } from "../../../experiments/costs/profile.js";
import { loadProposal } from "../../../experiments/evaluate.js";
import { DEFAULT_HOST } from "../../../experiments/secrets/host-spec.js";
import { type StairStep, staircase } from "../../../experiments/secrets/staircase.js";
import { ROOT } from "../../pvtwin.js";

const OPTIONS = { host: DEFAULT_HOST, speculation: { meltdown: false, l1tf: false }, eptPublic: false };
const SHARED = loadProposal("shared");
const step = (steps: readonly StairStep[], name: RegExp): StairStep => steps.find((s) => name.test(s.name))!;

describe("the staircase on a recording", () => {
  it("counts what map_domain_page() costs without a directmap, and that a mapcache of each vCPU's own is next to nothing", async () => {
    const file = join(ROOT, "recordings", "thread_storm.perf.txt.gz");
    const workload = { file, profile: readProfile("skylake-pcid") };
    const { steps } = await staircase(loadProposal("linux-per-vcpu"), SHARED, { ...OPTIONS, workload });
    const percent = (name: RegExp) => step(steps, name).percent!.likely;
    expect(percent(/^no directmap/)).to.be.within(0.5, 5);
    expect(Math.abs(percent(/^a mapcache/))).to.be.below(0.5);
  }).timeout(60_000);
});
