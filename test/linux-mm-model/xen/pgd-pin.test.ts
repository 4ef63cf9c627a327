import { expect } from "chai";
import type { Hypervisor } from "../../../abi/hypervisor.js";
import { PMD_PAGES, pte_alloc } from "../../../linux-mm-model/pgtable.js";
import { context_switch } from "../../../linux-mm-model/sched.js";
import { PvGuest } from "../pv-guest.js";

describe("__xen_pgd_pin", () => {
  for (const [slots, l2s, l1s] of [
    [1, 1, 1],
    [2, 1, 1],
    [3, 1, 2],
    [2, 2, 2],
  ] as const) {
    const u = slots;
    const m = slots * l2s;
    const k = m * l1s;
    it(`queues 2k+m+u+4 = ${2 * k + m + u + 4} calls for ${k} PTE, ${m} PMD and ${u} PUD tables`, () => {
      const guest = new PvGuest();
      const mm = guest.mm(slots, l2s, l1s);
      guest.forget();
      guest.k.pv.dup_mmap(0, mm);
      expect(guest.count("mc_entry")).to.equal(2 * k + m + u + 4);
      expect(guest.count("mc_callback")).to.equal(k);
      expect(guest.count("pgd_pin")).to.equal(1);
      expect(guest.hv.multicalls).to.deep.equal([2 * k + m + u + 4]);
    });
  }

  it("makes an mm of 20 PTE tables two multicalls, the first forced by the 32nd call", () => {
    const guest = new PvGuest();
    const mm = guest.mm(1, 1, 20);
    guest.forget();
    guest.k.pv.dup_mmap(0, mm);
    expect(guest.hv.multicalls).to.deep.equal([32, 2 * 20 + 1 + 1 + 4 - 32]);
    expect(guest.count("mc_flush_forced_batch")).to.equal(1);
  });

  it("queues one call a PTE table where L1 tables have no lock of their own", () => {
    const guest = new PvGuest({ splitPtlocks: false });
    const mm = guest.mm(1, 1, 5);
    guest.forget();
    guest.k.pv.dup_mmap(0, mm);
    expect(guest.count("mc_entry")).to.equal(5 + 1 + 1 + 4);
    expect(guest.count("mc_callback")).to.equal(0);
  });

  it("is followed by PTE tables in more than one piece there, as those are not pinned", () => {
    const guest = new PvGuest({ splitPtlocks: false });
    const hv: Hypervisor = guest.hv;
    hv.hook_new_table = () => true;
    const mm = guest.mm(1);
    guest.k.pv.dup_mmap(0, mm);
    guest.forget();
    pte_alloc(guest.k, 0, mm, 5 * PMD_PAGES);
    expect(guest.count("mc_entry")).to.equal(2);
    expect(guest.hv.log.map(({ name }) => name)).to.deep.equal(["update_va_mapping", "mmu_update"]);
  });

  it("leaves every table read-only in the direct map", () => {
    const guest = new PvGuest();
    const mm = guest.mm(1);
    guest.k.pv.dup_mmap(0, mm);
    const { memory, mms } = guest.k;
    const pud = memory.frame(mms.pgd[mm]!, 0);
    for (const table of [mms.pgd[mm]!, mms.user_pgd[mm]!, pud, memory.frame(pud, 0)]) {
      expect(guest.hv.writable(0, table)).to.equal(false);
    }
  });
});

describe("__xen_pgd_unpin", () => {
  it("queues 2k+m+u+3 calls: both L4s are unpinned in one", () => {
    const guest = new PvGuest();
    const mm = guest.mm(2, 1, 3);
    guest.k.pv.dup_mmap(0, mm);
    guest.forget();
    guest.k.pv.exit_mmap(0, mm);
    expect(guest.count("mc_entry")).to.equal(2 * 6 + 2 + 2 + 3);
    expect(guest.count("pgd_unpin")).to.equal(1);
  });

  it("leaves every table writable, so that teardown is plain stores", () => {
    const guest = new PvGuest();
    const mm = guest.mm(1);
    guest.k.pv.dup_mmap(0, mm);
    guest.k.pv.exit_mmap(0, mm);
    guest.forget();
    const pud = guest.k.memory.frame(guest.k.mms.pgd[mm]!, 0);
    guest.k.pv.set_pud(0, mm, pud, 0, 0, 0);
    guest.k.pv.set_p4d(0, mm, 0, 0, 0);
    expect(guest.hv.log).to.deep.equal([]);
    expect(guest.hv.refused).to.equal(0);
  });
});

describe("xen_drop_mm_ref", () => {
  it("takes every CPU off a dying mm, lazy ones too, before the L4 is unpinned", () => {
    const guest = new PvGuest();
    const { k } = guest;
    const mm = guest.mm(1);
    k.pv.dup_mmap(0, mm);
    const [t0, t1] = [guest.task(mm, 1), guest.task(mm, 2)];
    context_switch(k, 0, t0);
    context_switch(k, 1, t1);
    context_switch(k, 1, 1); // CPU 1 goes idle on the mm
    expect(k.percpu.loaded_mm[1]).to.equal(mm);
    k.tasks.mm[t0] = -1; // exit_mm()
    k.pv.enter_lazy_tlb(0, mm);
    k.pv.exit_mmap(0, mm);
    expect(guest.hv.cr3).to.deep.equal([k.mms.pgd[0], k.mms.pgd[0]]);
    expect(guest.hv.refused).to.equal(0);
  });
});
