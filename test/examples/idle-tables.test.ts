/**
 * An idea, and what becomes of it: a suite about a design of one's own, in one file.
 *
 * The idea: leave mm->pgd shared, as Linux 6.1 does, but give each vCPU an L4 of init_mm of its own, and let it leave
 * user tables for that one as soon as it idles or runs a kernel thread. How much of the promise is that worth?
 *
 * To go on from here: copy the file into a project that has pvtwin, mocha and chai.
 */
import { expect } from "chai";
import {
  BUNDLED,
  countGenerated,
  defineProposal,
  driveGenerated,
  evaluate,
  type GeneratedWork,
  ILLUSION,
  INIT_MM,
  type Linux,
  type LinuxConfig,
  loadProposal,
  make_init_pgd,
  nothingIsRefused,
  onePcpuPerL4InGuest,
  onePcpuPerL4InXen,
  bootedMachine,
  priceDifference,
  readProfile,
  registerTopLevelDesign,
  SharedPgd,
  shortestHistory,
  type State,
} from "pvtwin";

class IdleTables extends SharedPgd {
  override readonly unlazy = true;
  /** Per vCPU, an L4 of init_mm. What changes lies in the machine's state, so that a snapshot is a copy. */
  private readonly init_pgd: Uint32Array;

  constructor(state: State, config: LinuxConfig) {
    super();
    this.init_pgd = state.u32(config.nrCpus);
  }

  override pgd_of(k: Linux, cpu: number, mm: number): number {
    return mm === INIT_MM ? this.init_pgd[cpu]! : k.mms.pgd[mm]!;
  }

  /** CPU 0 boots on swapper_pg_dir, and keeps it. */
  override cpu_up(k: Linux, by: number, cpu: number): number {
    if (this.init_pgd[cpu] !== 0) return 0;
    const pgd = cpu === 0 ? k.mms.pgd[INIT_MM]! : make_init_pgd(k, by);
    if (pgd < 0) return pgd;
    this.init_pgd[cpu] = pgd;
    return 0;
  }

  override start_pgd(_k: Linux, cpu: number): number {
    return this.init_pgd[cpu]!;
  }

  override replicas(k: Linux, visit: (pgd: number) => void): void {
    for (const pgd of this.init_pgd) if (pgd !== 0 && pgd !== k.mms.pgd[INIT_MM]) visit(pgd);
  }
}

registerTopLevelDesign("idle-tables", IdleTables);

const idea = defineProposal({
  name: "idle-tables",
  title: "6.1, with an L4 of init_mm per vCPU, and no lazy TLB",
  question: "How far does Linux come without a pair of tables per thread or vCPU?",
  linux: { top: "idle-tables", unlazy: true },
  xen: { root: "shared", exclusive: true },
});

const promise = [onePcpuPerL4InGuest, onePcpuPerL4InXen, nothingIsRefused];
const work: GeneratedWork = { lists: 20, ops: 80, nrCpus: 3 };
const withoutThreads: GeneratedWork = { ...work, without: ["thread"] };

describe("idle tables: an L4 of init_mm per vCPU, and no lazy TLB", () => {
  it("show every process its memory, whatever happens", () => {
    expect(driveGenerated(idea, ILLUSION, work)).to.equal(undefined);
  });

  it("keep the promise in a guest whose processes have one thread each; 6.1 does not", () => {
    expect(driveGenerated(idea, promise, withoutThreads)).to.equal(undefined);
    expect(driveGenerated(loadProposal("shared"), promise, withoutThreads)).to.not.equal(undefined);
  });

  it("break it as soon as two threads of one process run at the same time", () => {
    const history = shortestHistory(bootedMachine(idea), onePcpuPerL4InGuest)!;
    expect(history.ops.map(({ op }) => op)).to.deep.equal(["thread", "switch"]);
  }).timeout(30_000);

  it("cost CR3 loads: what 6.1 saves by lazy TLB", () => {
    const ours = countGenerated(idea, work);
    const base = countGenerated(loadProposal("shared"), work);
    expect(ours.counts.new_baseptr).to.be.above(base.counts.new_baseptr!);
    const more = priceDifference(readProfile("skylake-pcid"), ours.counts, base.counts).cycles;
    expect(more.low).to.be.above(0);
  });

  it("do not save a server of many threads, as the recording shows", async () => {
    const result = await evaluate({
      proposals: [idea, "linux-per-mm-vcpu"],
      workloads: BUNDLED.filter((file) => file.includes("thread_storm")),
      profile: "skylake-pcid",
      strict: false,
      workers: 1,
    });
    const [, ours, perMmVcpu] = result.proposals;
    expect(ours!.verdict).to.equal("breaks");
    expect(ours!.reason).to.include("two threads of one process").and.not.include("idles");
    expect(perMmVcpu!.verdict).to.equal("keeps");
    expect(ours!.cost[0]!.versus.percent.likely).to.be.within(0, 10); // and costs this much more than 6.1
  }).timeout(60_000);
});
