import { expect } from "chai";
import { advance } from "../../../abi/path.js";
import type { Linux } from "../../../linux-mm-model/linux.js";
import { NO_MM } from "../../../linux-mm-model/mm-struct.js";
import { context_switch, go_idle } from "../../../linux-mm-model/sched.js";
import { thread_free_path } from "../../../linux-mm-model/xen/cr3.js";
import { PvGuest } from "../pv-guest.js";

const SLOT_PAGES = 2 ** 27;

/** A process of two threads, and a process of one; the first thread runs on CPU 0. */
function threads(overrides = {}) {
  const guest = new PvGuest({ top: "per-thread", sync: "fault", ...overrides });
  const { k } = guest;
  const a = guest.mm(1);
  k.pv.dup_mmap(0, a);
  const b = guest.mm(1);
  k.pv.dup_mmap(0, b);
  const [t0, t1, p] = [guest.task(a, 1), guest.task(a, 2), guest.task(b, 3)];
  context_switch(k, 0, t0);
  k.pv.thread_create(0, a, t1);
  guest.forget();
  return { guest, k, hv: guest.hv, a, b, t0, t1, p };
}

/** Steps of thread_free() on CPU 0, from `pc` until the one called `name` is next, or to the end; returns where that is. */
function freeUntil(k: Linux, name: string, pc = 0): number {
  const { steps } = thread_free_path;
  let at = pc;
  do {
    const next = advance(thread_free_path, at, steps[at]!.run(k, 0));
    if (next === at) throw new Error(`${steps[at]!.name} waits`);
    at = next;
  } while (at >= 0 && steps[at]!.name !== name);
  return at;
}

describe("a pair of L4s for each thread", () => {
  it("is made and pinned by four calls at thread creation: read-only and PIN_L4, twice", () => {
    const { guest, k, a } = threads();
    const t2 = guest.task(a, 4);
    k.pv.thread_create(0, a, t2);
    expect(guest.hv.multicalls).to.deep.equal([4]);
    expect(guest.count("top_pair_alloc")).to.equal(1);
    expect(k.tasks.pgd[t2]).to.not.equal(k.tasks.pgd[threads().t1]);
  });

  it("makes a switch between two threads of one mm load one pair, where 6.1 writes no CR3", () => {
    const { guest, k, hv, t1 } = threads();
    context_switch(k, 0, t1);
    expect(guest.count("write_cr3_kernel")).to.equal(1);
    expect(guest.count("top_load_same_mm")).to.equal(1);
    expect(hv.cr3[0]).to.equal(k.tasks.pgd[t1]);
  });

  it("keeps two threads that run at once on different L4s, and the reference on no CPU", () => {
    const { k, hv, a, t0, t1 } = threads();
    context_switch(k, 1, t1);
    expect(hv.cr3).to.deep.equal([k.tasks.pgd[t0], k.tasks.pgd[t1]]);
    expect(hv.cr3).to.not.include(k.mms.pgd[a]);
  });

  it("is loaded on two CPUs when its thread wakes elsewhere while the first CPU idles on it, unless unlazy", () => {
    for (const unlazy of [false, true]) {
      const { guest, k, hv, t0 } = threads({ unlazy });
      go_idle(k, 0);
      context_switch(k, 1, t0);
      expect(hv.cr3[0] === hv.cr3[1]).to.equal(!unlazy);
      expect(guest.count("top_unlazy")).to.equal(unlazy ? 1 : 0);
    }
  });

  it("gives each CPU an L4 of init_mm of its own if unlazy, and swapper_pg_dir to all if not", () => {
    const own = new PvGuest({ top: "per-thread", sync: "fault", unlazy: true, nrCpus: 3 });
    expect(new Set(own.hv.cr3).size).to.equal(3);
    const naive = new PvGuest({ top: "per-thread", sync: "fault", nrCpus: 3 });
    expect(new Set(naive.hv.cr3).size).to.equal(1);
  });
});

describe("a populated top-level slot", () => {
  it("reaches the other threads when they fault on it, once each (sync: fault)", () => {
    const { guest, k, a, t0, t1 } = threads();
    context_switch(k, 1, t1);
    guest.populate(a, 7);
    expect(k.memory.flags(k.tasks.pgd[t1]!, 7)).to.equal(0);
    expect(k.pv.sync_fault(1, t1, 7 * SLOT_PAGES)).to.equal(true);
    expect(k.memory.frame(k.tasks.pgd[t1]!, 7)).to.equal(k.memory.frame(k.mms.pgd[a]!, 7));
    expect(k.memory.frame(k.tasks.user_pgd[t1]!, 7)).to.equal(k.memory.frame(k.mms.pgd[a]!, 7));
    expect(k.pv.sync_fault(1, t1, 7 * SLOT_PAGES)).to.equal(false);
    expect(k.pv.sync_fault(0, t0, 7 * SLOT_PAGES)).to.equal(true);
    expect(guest.count("top_slots_synced")).to.equal(2);
  });

  it("is never reported as synchronised where the reference lacks it too: the fault is a real one", () => {
    const { k, t0 } = threads();
    expect(k.pv.sync_fault(0, t0, 99 * SLOT_PAGES)).to.equal(false);
  });

  it("is written at once by the fault handler, also inside lazy MMU mode", () => {
    const { guest, k, a, t0 } = threads();
    guest.populate(a, 7);
    k.pv.arch_enter_lazy_mmu_mode(0);
    k.pv.sync_fault(0, t0, 7 * SLOT_PAGES);
    expect(k.memory.flags(k.tasks.pgd[t0]!, 7)).to.not.equal(0);
  });

  it("reaches all replicas at once with sync: eager, in the hypercall that sets the reference", () => {
    const { guest, k, a, t0, t1 } = threads({ sync: "eager" });
    guest.populate(a, 7);
    for (const task of [t0, t1]) expect(k.memory.flags(k.tasks.user_pgd[task]!, 7)).to.not.equal(0);
    expect(guest.count("top_fanout_set")).to.equal(2);
    expect(guest.hv.log.filter((call) => call.name === "mmu_update")[0]!.items).to.equal(1 + 2 * 2);
    expect(k.pv.sync_fault(0, t0, 7 * SLOT_PAGES)).to.equal(false);
  });

  it("is in the pair of a thread that is created later", () => {
    const { guest, k, a } = threads();
    guest.populate(a, 7);
    const t2 = guest.task(a, 4);
    k.pv.thread_create(0, a, t2);
    expect(k.memory.flags(k.tasks.user_pgd[t2]!, 7)).to.not.equal(0);
  });
});

describe("a cleared top-level slot", () => {
  it("leaves all replicas before its L3 table is made writable", () => {
    const { guest, k, a, t1 } = threads();
    context_switch(k, 1, t1);
    const pud = guest.populate(a, 7);
    k.pv.sync_fault(1, t1, 7 * SLOT_PAGES);
    guest.forget();
    k.pv.set_p4d(0, a, 7, 0, 0);
    k.pv.release_table(0, a, 3, pud);
    expect(guest.hv.log.map((call) => call.name)).to.deep.equal(["mmu_update", "update_va_mapping"]);
    expect(guest.hv.log[0]!.items).to.equal(1 + 2); // the reference, and the one pair that had it
    expect(guest.hv.refused).to.equal(0);
    expect(guest.hv.writable(0, pud)).to.equal(true);
  });

  it("would be refused by Xen if one replica were left out", () => {
    const { guest, k, a, t1 } = threads();
    const pud = guest.populate(a, 7);
    context_switch(k, 1, t1);
    k.pv.sync_fault(1, t1, 7 * SLOT_PAGES);
    k.top.propagate = () => {};
    k.pv.set_p4d(0, a, 7, 0, 0);
    k.pv.release_table(0, a, 3, pud);
    expect(guest.hv.refused).to.equal(1);
    expect(k.mc[0]!.failed[0]).to.equal(1);
  });
});

describe("the end of a pair", () => {
  it("waits until the dead thread is off it: freed after the switch, and the CPU idles elsewhere", () => {
    const { guest, k, hv, t1 } = threads();
    context_switch(k, 1, t1);
    const pgd = k.tasks.pgd[t1]!;
    k.tasks.mm[t1] = NO_MM; // exit_mm()
    k.pv.enter_lazy_tlb(1, 1);
    expect(hv.pinnedL4.has(pgd)).to.equal(true);
    k.tasks.dead[t1] = 1;
    context_switch(k, 1, 1);
    expect(hv.pinnedL4.has(pgd)).to.equal(false);
    expect(hv.cr3[1]).to.not.equal(pgd);
    expect(hv.writable(1, pgd)).to.equal(true);
    expect(guest.hv.refused).to.equal(0);
    expect(guest.count("top_pair_free")).to.equal(1);
  });

  it("comes at exec for the old pair, when the new one is loaded", () => {
    const { guest, k, hv, a, t0 } = threads();
    const old = k.tasks.pgd[t0]!;
    const next = guest.mm(1);
    k.tasks.mm[t0] = next;
    k.tasks.active_mm[t0] = next;
    k.pv.activate_mm(0, a, next);
    k.pv.switch_mm(0, a, next, t0);
    expect(k.tasks.pgd[t0]).to.not.equal(old);
    expect(hv.cr3[0]).to.equal(k.tasks.pgd[t0]);
    expect(hv.pinnedL4.has(old)).to.equal(false);
    expect(hv.refused).to.equal(0);
  });

  it("comes for all pairs of an mm in exit_mmap, before the reference is unpinned", () => {
    const { guest, k, hv, a, t0, t1 } = threads();
    const pairs = [k.tasks.pgd[t0]!, k.tasks.pgd[t1]!, k.mms.pgd[a]!];
    k.tasks.mm[t0] = NO_MM;
    k.pv.exit_mmap(0, a);
    for (const pgd of pairs) expect(hv.pinnedL4.has(pgd)).to.equal(false);
    expect(guest.count("top_pair_free")).to.equal(2);
    expect(hv.refused).to.equal(0);
  });

  it("holds page_table_lock from its unpin until it has left the list: who clears a slot finds it there, or waits", () => {
    const { k, hv, a, t1 } = threads();
    const pgd = k.tasks.pgd[t1]!;
    const isListed = (): boolean => {
      const pgds: number[] = [];
      k.top.replicas(k, (one) => pgds.push(one));
      return pgds.includes(pgd);
    };
    k.life.task[0] = t1;
    const unpin = freeUntil(k, "unpin_replica");
    k.mms.lock_page_table(a, 1); // CPU 1 clears a slot
    expect(() => freeUntil(k, "free_pgd_pair", unpin)).to.throw("unpin_replica waits");
    expect([hv.pinnedL4.has(pgd), isListed()]).to.deep.equal([true, true]);
    k.mms.unlock_page_table(a);
    const free = freeUntil(k, "free_pgd_pair", unpin);
    expect([hv.pinnedL4.has(pgd), isListed()]).to.deep.equal([false, true]);
    expect(k.mms.lock_page_table(a, 1)).to.equal(false);
    expect(freeUntil(k, "", free)).to.equal(-1);
    expect(isListed()).to.equal(false);
    expect(k.mms.lock_page_table(a, 1)).to.equal(true);
  });

  it("comes once where the mm dies while its dead thread is about to free it, and its page is there for both", () => {
    const { guest, k, hv, a, t0, t1 } = threads();
    const pgd = k.tasks.pgd[t1]!;
    k.life.task[0] = t1;
    const unpin = freeUntil(k, "unpin_replica");
    k.tasks.mm[t0] = NO_MM;
    k.pv.exit_mmap(1, a);
    expect(hv.pinnedL4.has(pgd)).to.equal(false);
    expect(k.pages.refcount[pgd]).to.equal(1);
    expect(freeUntil(k, "", unpin)).to.equal(-1);
    expect(k.pages.refcount[pgd]).to.equal(0);
    expect([guest.count("top_pair_free"), hv.refused]).to.deep.equal([2, 0]);
  });
});
