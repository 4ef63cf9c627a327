import { expect } from "chai";
import { MMUEXT_NEW_BASEPTR, MMUEXT_NEW_USER_BASEPTR } from "../../abi/mmuext-op.js";
import { INIT_MM, NO_MM } from "../../linux-mm-model/mm-struct.js";
import { context_switch, go_idle } from "../../linux-mm-model/sched.js";
import { PvGuest } from "./pv-guest.js";

/** Two threads of one process and one of another, all ready to run. */
function tasks(overrides = {}) {
  const guest = new PvGuest(overrides);
  const { k } = guest;
  const a = guest.mm(1);
  k.pv.dup_mmap(0, a);
  const b = guest.mm(1);
  k.pv.dup_mmap(0, b);
  const [t0, t1, p] = [guest.task(a, 1), guest.task(a, 2), guest.task(b, 3)];
  k.pv.thread_create(0, a, t1);
  context_switch(k, 0, t0);
  guest.forget();
  return { guest, k, a, b, t0, t1, p };
}

describe("context_switch", () => {
  it("between threads of one mm writes no CR3, and is stack_switch and GS by hypercall", () => {
    const { guest, k, t1 } = tasks();
    context_switch(k, 0, t1);
    expect(guest.hv.log.map((call) => call.name)).to.deep.equal(["set_segment_base", "stack_switch"]);
    expect(guest.count("write_cr3_kernel")).to.equal(0);
    expect(guest.count("mc_flush_empty")).to.equal(1);
    expect(guest.hv.privops).to.deep.equal([0]);
  });

  it("between processes loads both L4s in one mmuext_op of two, before stack_switch", () => {
    const { guest, k, p, b } = tasks();
    context_switch(k, 0, p);
    expect(guest.hv.log.map((call) => call.name)).to.deep.equal([
      "mmuext_op",
      "set_segment_base",
      "stack_switch",
    ]);
    expect(guest.hv.log[0]!.detail).to.deep.equal([MMUEXT_NEW_BASEPTR, MMUEXT_NEW_USER_BASEPTR]);
    expect(k.percpu.xen_current_cr3[0]).to.equal(k.mms.pgd[b]);
  });

  it("loads an update_descriptor with the L4s, in one multicall, if TLS descriptors differ", () => {
    const { guest, k, p } = tasks();
    k.tasks.tls[p] = 1;
    context_switch(k, 0, p);
    expect(guest.hv.multicalls).to.deep.equal([2]);
    expect(guest.hv.log.map((call) => call.name)).to.include("update_descriptor");
    guest.forget();
    context_switch(k, 0, 0);
    context_switch(k, 0, p);
    expect(guest.hv.log.filter((call) => call.name === "update_descriptor")).to.have.length(2);
  });

  it("to the idle task keeps the L4 loaded, and back to the same task writes no CR3", () => {
    const { guest, k, a, t0 } = tasks();
    go_idle(k, 0);
    expect(k.percpu.is_lazy[0]).to.equal(1);
    expect(guest.hv.cr3[0]).to.equal(k.mms.pgd[a]);
    expect(guest.hv.blocked).to.deep.equal([0]);
    context_switch(k, 0, t0);
    expect(guest.count("write_cr3_kernel")).to.equal(0);
    expect(k.percpu.is_lazy[0]).to.equal(0);
  });

  it("reloads the L4 of an idle CPU's mm if it was flushed meanwhile", () => {
    const { guest, k, a, t0 } = tasks();
    go_idle(k, 0);
    k.pv.flush_tlb_mm_range(1, a, 10, 12);
    context_switch(k, 0, t0);
    expect(guest.count("write_cr3_kernel")).to.equal(1);
    expect(guest.count("tlb_flush_task_switch")).to.equal(1);
  });

  it("lets an idle CPU hold a reference to the mm it borrows, and drops it at the next user task", () => {
    const { k, a, p } = tasks();
    const before = k.mms.mm_count[a]!;
    go_idle(k, 0);
    expect(k.mms.mm_count[a]).to.equal(before + 1);
    expect(k.tasks.active_mm[0]).to.equal(a);
    context_switch(k, 0, p);
    expect(k.mms.mm_count[a]).to.equal(before);
  });

  it("frees the top level of an mm that only an idle CPU held", () => {
    const { k, a, t0, p } = tasks();
    go_idle(k, 0);
    k.tasks.mm[t0] = NO_MM;
    k.pv.exit_mmap(1, a);
    k.mms.mm_count[a]!--; // the users' reference
    expect(k.mms.used[a]).to.equal(1);
    context_switch(k, 0, p);
    expect(k.mms.used[a]).to.equal(0);
  });
});

describe("flush_tlb_mm_range", () => {
  it("flushes up to 33 pages one by one on the only CPU of the mm, and 34 as a whole", () => {
    const { guest, k, a } = tasks();
    k.pv.flush_tlb_mm_range(0, a, 100, 133);
    expect(guest.count("flush_tlb_one_user")).to.equal(33);
    guest.forget();
    k.pv.flush_tlb_mm_range(0, a, 100, 134);
    expect(guest.count("flush_tlb_one_user")).to.equal(0);
    expect(guest.hist("tlb")).to.deep.equal({ "local_mm_shootdown:all": 1 });
  });

  it("flushes the whole CPU set, this CPU and lazy ones included, by one hypercall", () => {
    const { guest, k, a, t1 } = tasks();
    context_switch(k, 1, t1);
    go_idle(k, 1);
    guest.forget();
    k.pv.flush_tlb_mm_range(0, a, 100, 101);
    expect(guest.hist("multi")).to.deep.equal({ "2cpu:1": 1 });
    expect(guest.hv.log.map((call) => [call.name, call.items])).to.deep.equal([["mmuext_op", 1]]);
    expect(guest.count("flush_tlb_one_user")).to.equal(0);
  });

  it("flushes all at the first local flush after one on several CPUs, as the generation was not noted here", () => {
    const { guest, k, a, t1, p } = tasks();
    context_switch(k, 1, t1);
    k.pv.flush_tlb_mm_range(0, a, 100, 101);
    context_switch(k, 1, p);
    guest.forget();
    k.pv.flush_tlb_mm_range(0, a, 100, 101);
    expect(guest.hist("tlb")).to.deep.equal({ "local_mm_shootdown:all": 1 });
  });

  it("asks for nothing for an mm that is loaded nowhere", () => {
    const { guest, k, b } = tasks();
    k.pv.flush_tlb_mm_range(0, b, 100, 101);
    expect(guest.hv.log).to.deep.equal([]);
    expect(k.percpu.loaded_mm[1]).to.equal(INIT_MM);
  });
});
