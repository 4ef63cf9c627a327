import { expect } from "chai";
import { PvGuest } from "../pv-guest.js";

/** A pinned mm with one L3, L2 and L1 table in slot 0. */
function pinned(overrides = {}) {
  const guest = new PvGuest(overrides);
  const mm = guest.mm(1);
  guest.k.pv.dup_mmap(0, mm);
  const { memory, mms } = guest.k;
  const pud = memory.frame(mms.pgd[mm]!, 0);
  const pmd = memory.frame(pud, 0);
  const pte = memory.frame(pmd, 0);
  guest.forget();
  return { guest, k: guest.k, pv: guest.k.pv, mm, pud, pmd, pte };
}

describe("xen_set_pte", () => {
  it("makes one hypercall of one request past the multicall buffer", () => {
    const { guest, pv, mm, pte } = pinned();
    pv.set_pte(0, mm, pte, 3, 3000, 7);
    expect(guest.hv.log).to.have.length(1);
    expect(guest.count("mc_entry")).to.equal(0);
    expect(guest.count("mc_flush")).to.equal(0);
  });

  it("makes a hypercall for a table that is not pinned, too", () => {
    const guest = new PvGuest();
    const mm = guest.mm(1);
    guest.forget();
    guest.k.pv.set_pte(0, mm, guest.k.pages.alloc_table(), 0, 3000, 7);
    expect(guest.hv.log).to.have.length(1);
  });

  it("queues 64 requests in lazy MMU mode as three calls, of 31, 31 and 2", () => {
    const { guest, pv, mm, pte } = pinned();
    pv.arch_enter_lazy_mmu_mode(0);
    for (let slot = 0; slot < 64; slot++) pv.set_pte(0, mm, pte, slot, 3000, 7);
    pv.arch_leave_lazy_mmu_mode(0);
    expect(guest.hv.log.map((call) => call.items)).to.deep.equal([31, 31, 2]);
    expect(guest.count("mc_batch_mmu")).to.equal(64);
  });
});

describe("xen_set_p4d", () => {
  it("changes the kernel and the user copy in one mmu_update of two requests", () => {
    const { guest, k, pv, mm, pud } = pinned();
    pv.set_p4d(0, mm, 9, pud, 0x67);
    expect(guest.hv.log.map((call) => [call.name, call.items])).to.deep.equal([["mmu_update", 2]]);
    expect(k.memory.frame(k.mms.user_pgd[mm]!, 9)).to.equal(pud);
  });

  it("makes two plain stores while the mm is not pinned", () => {
    const guest = new PvGuest();
    const mm = guest.mm(0);
    guest.forget();
    guest.k.pv.set_p4d(0, mm, 9, 1000, 0x67);
    expect(guest.hv.log).to.deep.equal([]);
    expect(guest.k.memory.frame(guest.k.mms.pgd[mm]!, 9)).to.equal(1000);
    expect(guest.k.memory.frame(guest.k.mms.user_pgd[mm]!, 9)).to.equal(1000);
  });
});

describe("ptep_get_and_clear and ptep_set_wrprotect", () => {
  it("trap and are emulated on a pinned L1 table", () => {
    const { guest, pv, mm, pte } = pinned();
    pv.set_pte(0, mm, pte, 3, 3000, 7);
    pv.ptep_set_wrprotect(0, mm, pte, 3);
    expect(guest.k.memory.flags(pte, 3)).to.equal(5);
    pv.ptep_get_and_clear(0, mm, pte, 3);
    expect(guest.k.memory.flags(pte, 3)).to.equal(0);
    expect(guest.hv.ptwr).to.equal(2);
  });
});

describe("xen_alloc_ptpage", () => {
  it("makes a new PTE table of a pinned mm read-only and pins it, in one multicall of two", () => {
    const { guest, k, pv, mm } = pinned();
    const table = k.pages.alloc_table();
    pv.alloc_table(0, mm, 1, table);
    expect(guest.hv.multicalls).to.deep.equal([2]);
    expect(guest.hv.writable(0, table)).to.equal(false);
    expect(guest.count("alloc_pte_pinned")).to.equal(1);
  });

  for (const [level, name] of [
    [2, "PMD"],
    [3, "PUD"],
  ] as const) {
    it(`makes a new ${name} table read-only, in one direct hypercall`, () => {
      const { guest, k, pv, mm } = pinned();
      pv.alloc_table(0, mm, level, k.pages.alloc_table());
      expect(guest.hv.log.map((call) => [call.name, call.inMulticall])).to.deep.equal([
        ["update_va_mapping", false],
      ]);
    });
  }

  it("makes the first touch of a fresh top-level slot 7 hypercalls with the PTE", () => {
    const { guest, k, pv, mm } = pinned();
    guest.populate(mm, 40);
    const pmd = k.memory.frame(k.memory.frame(k.mms.pgd[mm]!, 40), 0);
    pv.set_pte(0, mm, k.memory.frame(pmd, 0), 0, 3000, 7);
    const direct = guest.hv.log.filter((call) => !call.inMulticall).length;
    expect(direct + guest.hv.multicalls.length).to.equal(7);
  });

  it("is undone by xen_release_ptpage: unpinned first, writable after", () => {
    const { guest, k, pv, mm } = pinned();
    const table = k.pages.alloc_table();
    pv.alloc_table(0, mm, 1, table);
    guest.forget();
    pv.release_table(0, mm, 1, table);
    expect(guest.hv.log.map((call) => call.name)).to.deep.equal(["mmuext_op", "update_va_mapping"]);
    expect(guest.hv.writable(0, table)).to.equal(true);
  });
});
