import { expect } from "chai";
import { loadProposal } from "../../../experiments/evaluate.js";
import { verdictOf } from "../../../experiments/run/promise.js";
import { type RatedWork, runRates } from "../../../experiments/synthetic/rates.js";

const NOTHING: RatedWork = {
  threads: 4,
  vcpus: 2,
  sameMmSwitches: 0,
  otherMmSwitches: 0,
  syscalls: 0,
  slotChurn: 0,
  forks: 0,
  idle: 0,
  placement: "spread",
};

const run = (work: Partial<RatedWork>, proposal = "shared", seed = 0) =>
  runRates({ ...NOTHING, ...work }, loadProposal(proposal), { pcid: false, invpcid: true }, seed);

describe("work by rates", () => {
  it("counts nothing where nothing happens", () => {
    expect(run({}).counts).to.deep.equal({});
  });

  it("makes system calls at their rate, on each vCPU, and two CR3 writes with each", () => {
    const { counts } = run({ syscalls: 1000 });
    expect(counts.syscall_entry).to.be.closeTo(2000, 10);
    expect(counts.cr3_write).to.equal(2 * counts.syscall_entry!);
  });

  it("loads no table at a switch between threads, and one at a switch between processes", () => {
    const same = run({ sameMmSwitches: 100 }).counts;
    expect(same.context_switch).to.be.closeTo(200, 3);
    expect(same.new_baseptr ?? 0).to.equal(0);
    const other = run({ otherMmSwitches: 100 }).counts;
    expect(other.context_switch).to.be.closeTo(200, 4);
    expect(other.new_baseptr).to.equal(other.context_switch);
  });

  it("costs a pair per thread a load at a switch between threads", () => {
    const { counts } = run({ sameMmSwitches: 100 }, "linux-per-thread-unlazy");
    expect(counts.top_load_same_mm).to.equal(counts.context_switch);
  });

  it("sets and clears an L4 entry for each slot that comes and goes", () => {
    const { counts } = run({ slotChurn: 50 });
    expect(counts.set_p4d).to.be.closeTo(2 * 2 * 50, 4);
  });

  it("pins and unpins the tables of each child", () => {
    const { counts } = run({ forks: 10 });
    expect(counts.pgd_pin).to.be.closeTo(20, 1);
    expect(counts.pgd_unpin).to.equal(counts.pgd_pin);
  });

  it("idles in turns of 10 ms, and does as much in what is left", () => {
    const busy = run({ syscalls: 1000 }).counts;
    const { counts } = run({ syscalls: 1000, idle: 0.5 });
    expect(counts.sched_op).to.be.closeTo(200, 2);
    expect(counts.syscall_entry! - counts.sched_op!).to.be.closeTo(busy.syscall_entry!, 10);
  });

  it("breaks the promise where one process runs on two pCPUs, and keeps it where each has its own", () => {
    const verdict = (placement: RatedWork["placement"]) =>
      verdictOf(run({ syscalls: 100, placement }).properties).verdict;
    expect([verdict("spread"), verdict("apart")]).to.deep.equal(["breaks", "keeps"]);
  });

  it("writes a slot that comes and goes to each thread's table where these are synchronised eagerly, and to no other", () => {
    const fanOut = (threads: number, proposal: string) =>
      run({ threads, slotChurn: 20 }, proposal).counts.top_fanout_set ?? 0;
    const [few, many] = [fanOut(8, "linux-per-thread-eager"), fanOut(64, "linux-per-thread-eager")];
    expect(many / few).to.be.closeTo(8, 0.2);
    expect(fanOut(64, "linux-per-mm-vcpu")).to.equal(fanOut(8, "linux-per-mm-vcpu"));
  });

  it("is the same from the same seed", () => {
    const work = { syscalls: 100, sameMmSwitches: 70, slotChurn: 10, idle: 0.3 };
    expect(run(work, "xpti", 5)).to.deep.equal(run(work, "xpti", 5));
  });
});
