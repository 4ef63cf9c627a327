import { expect } from "chai";
import { VM_EXEC, VM_READ } from "../../linux-mm-model/vma.js";
import { counted, played } from "./played.js";

const mmap = { op: "mmap", region: "a" } as const;
const touch = { op: "touch", region: "a" } as const;

describe("A page fault", () => {
  it("in a fresh slot makes an L3, an L2 and an L1 table in seven hypercalls (pud_alloc() to pte_alloc())", () => {
    const { last } = played(mmap, { ...touch, count: 1 });
    const { update_va_mapping, multicall, mmu_update } = last.counters;
    expect((update_va_mapping ?? 0) + (multicall ?? 0) + (mmu_update ?? 0)).to.equal(7);
    expect(
      counted(last, "alloc_pud_pinned", "alloc_pmd_pinned", "alloc_pte_pinned", "set_p4d"),
    ).to.deep.equal({
      alloc_pud_pinned: 1,
      alloc_pmd_pinned: 1,
      alloc_pte_pinned: 1,
      set_p4d: 1,
    });
  });

  it("of a write to the zero page clears the PTE by a trap, flushes one page and sets it (wp_page_copy())", () => {
    const { last } = played(mmap, { ...touch, count: 1, access: "read" }, { ...touch, count: 1 });
    expect(counted(last, "ptwr_emulation", "flush_tlb_one_user", "set_pte")).to.deep.equal({
      ptwr_emulation: 1,
      flush_tlb_one_user: 1,
      set_pte: 1,
    });
  });

  it("of a write to a page that fork shared copies it, and the last process takes it over (do_wp_page())", () => {
    const { windows } = played(
      mmap,
      { ...touch, count: 1 },
      { op: "fork", child: "p1", vcpu: 0 },
      { ...touch, count: 1 },
      { ...touch, task: "p1", count: 1 },
    );
    expect(counted(windows[3]!, "ptwr_emulation", "set_pte")).to.deep.equal({
      ptwr_emulation: 1,
      set_pte: 1,
    });
    expect(counted(windows[4]!, "ptwr_emulation", "set_pte")).to.deep.equal({
      ptwr_emulation: 0,
      set_pte: 1,
    });
  });

  const shared = [
    mmap,
    { op: "clone_thread", child: "t1", vcpu: 1 },
    { ...touch, task: "t1", count: 1 },
    { op: "fork", child: "p1", vcpu: 0 },
    { ...touch, count: 1 },
  ] as const;

  it("copies a page that waits in another CPU's pagevec, though nobody else maps it (folio_add_lru())", () => {
    const { last } = played(...shared, { ...touch, task: "p1", count: 1 });
    expect(last.counters.ptwr_emulation).to.equal(1);
  });

  it("takes that page over once the other CPU has put it on the LRU list (lru_add_drain())", () => {
    const elsewhere = { op: "munmap", task: "t1", region: "a", from: 512, count: 1 } as const;
    const { last } = played(...shared, elsewhere, { ...touch, task: "p1", count: 1 });
    expect(counted(last, "ptwr_emulation", "set_pte")).to.deep.equal({ ptwr_emulation: 0, set_pte: 1 });
  });

  const file = { ...mmap, kind: "file" };
  for (const [what, access, kind, set_pte] of [
    ["reads a cached file maps the 16 pages around it (do_fault_around())", "read", "file", 16],
    ["writes to a private file mapping maps one copy (do_cow_fault())", "write", "file", 1],
    ["writes to a shared file mapping maps one page (do_shared_fault())", "write", "fileshared", 1],
    ["reads shared memory that nobody has used maps one page (do_read_fault())", "read", "shared", 1],
  ] as const) {
    it(`that ${what}`, () => {
      const { last } = played({ ...file, kind }, { ...touch, from: 20, count: 1, access });
      expect(last.counters.set_pte).to.equal(set_pte);
    });
  }

  it("that reads shared memory maps what others have used around it (filemap_map_pages())", () => {
    const { last } = played(
      { ...mmap, kind: "shared" },
      { ...touch, from: 16, count: 5 },
      { op: "fork", child: "p1", vcpu: 0 },
      { ...touch, task: "p1", from: 18, count: 1, access: "read" },
    );
    expect(last.counters.set_pte).to.equal(5);
  });

  it("below a stack moves its VMA down to the page (expand_downwards())", () => {
    const top = { slot: 4, page: 2000 };
    const { player } = played(
      { op: "mmap", region: "near", kind: "stack" },
      { ...touch, region: "near", from: 0, count: 1 },
      { ...touch, region: "a", from: 1023, count: 1 },
    );
    const { vmas, mms } = player.machine.linux;
    const page = top.slot * 2 ** 27 + 1023;
    const vma = vmas.find_vma(mms.vma_root[1]!, page);
    expect(vmas.start[vma]).to.equal(page);
    expect(vmas.end[vma]).to.equal(top.slot * 2 ** 27 + top.page + 16);
  });

  it("in the kernel, by read() into fresh memory, is one from kernel mode a page (clear_user())", () => {
    const { last } = played(mmap, { op: "kread", region: "a", count: 3 });
    expect(counted(last, "page_fault_kernel", "page_fault_user")).to.deep.equal({
      page_fault_kernel: 3,
      page_fault_user: 0,
    });
  });
});

describe("Populating", () => {
  for (const [what, kind, prot, written] of [
    ["a private writable mapping writes each page", "anon", "rw", true],
    ["a private read-only mapping reads each page", "anon", "r", false],
    ["a shared writable mapping only reads, as nothing would be copied", "shared", "rw", false],
  ] as const) {
    it(`${what} (populate_vma_page_range())`, () => {
      const { player, last } = played({ op: "mmap", region: "near", kind, prot, populate: true });
      expect(counted(last, "page_fault_user", "set_pte")).to.deep.equal({ page_fault_user: 0, set_pte: 16 });
      const { linux } = player.machine;
      const anon = linux.vmas.find_vma(linux.mms.vma_root[1]!, 4 * 2 ** 27 + 2000);
      expect(linux.vmas.anon_vma[anon]! !== 0).to.equal(written);
    });
  }

  it("leaves memory out that nobody may access", () => {
    const { last } = played({ op: "mmap", region: "near", prot: "none", populate: true });
    expect(last.counters.set_pte ?? 0).to.equal(0);
  });
});

describe("mlock()", () => {
  it("faults pages in, makes a VMA of its own, and fork does not pass it on (mlock_fixup(), dup_mmap())", () => {
    const { player, windows } = played(
      { op: "mmap", region: "near" },
      { op: "mlock", region: "near", from: 4, count: 4 },
      { op: "fork", child: "p1", vcpu: 0 },
    );
    expect(windows[1]!.counters.set_pte).to.equal(4);
    const { vmas, mms } = player.machine.linux;
    const page = 4 * 2 ** 27 + 2000;
    const starts = (mm: number): number[] =>
      [0, 4, 8].map((i) => vmas.start[vmas.find_vma(mms.vma_root[mm]!, page + i)]! - page);
    expect(starts(1)).to.deep.equal([0, 4, 8]);
    const locked = vmas.find_vma(mms.vma_root[2]!, page + 4);
    expect(vmas.flags[locked]! & ~(VM_READ | VM_EXEC)).to.equal(2);
  });

  it("makes MADV_DONTNEED an error (madvise_dontneed_free_valid_vma())", () => {
    const { windows } = played(
      { op: "mmap", region: "near" },
      { op: "mlock", region: "near" },
      { op: "madvise", region: "near", advice: "dontneed" },
    );
    expect(windows[2]!.counters.ptwr_emulation ?? 0).to.equal(0);
  });

  it("has a private mapping copied when it becomes writable (mprotect_fixup())", () => {
    const { last } = played(
      { op: "mmap", region: "near", prot: "r" },
      { op: "mlock", region: "near" },
      { op: "mprotect", region: "near", prot: "rw" },
    );
    expect(last.counters.ptwr_emulation).to.equal(16);
  });
});
