import { expect } from "chai";
import { counted, played, type Step } from "./played.js";

const map = (region: string): Step => ({ op: "mmap", region });
const touch = (region: string, from = 0, count = 1): Step => ({ op: "touch", region, from, count });

/** Tables of each level that the last step freed: L1, L2, L3. */
function freed(...steps: Step[]): number[] {
  const { last } = played(...steps);
  const n = counted(last, "release_pte_pinned", "release_pmd_pinned", "release_pud_pinned");
  return [n.release_pte_pinned, n.release_pmd_pinned, n.release_pud_pinned];
}

describe("munmap (free_pgtables(), free_pgd_range())", () => {
  it("of a page alone in its slot frees its L1, L2 and L3 table and clears the L4 entry", () => {
    const steps = [map("a"), touch("a"), { op: "munmap", region: "a" } as const];
    expect(freed(...steps)).to.deep.equal([1, 1, 1]);
    expect(played(...steps).last.counters.set_p4d).to.equal(1);
  });

  it("frees no table that a neighbour's range reaches into, though the neighbour has no page there", () => {
    expect(freed(map("a"), touch("a"), { op: "munmap", region: "a", from: 0, count: 100 })).to.deep.equal([
      0, 0, 0,
    ]);
  });

  it("frees the L1 table alone where a VMA further on needs the L2 table", () => {
    expect(freed(map("a"), map("near"), touch("a"), { op: "munmap", region: "a" })).to.deep.equal([1, 0, 0]);
  });

  it("frees L1 and L2 table where the next VMA needs the L3 table", () => {
    expect(freed(map("a"), map("far"), touch("a"), { op: "munmap", region: "a" })).to.deep.equal([1, 1, 0]);
  });

  it("of two pages on either side of an L3 entry frees both L1 and both L2 tables", () => {
    expect(freed(map("edge"), touch("edge", 0, 2), { op: "munmap", region: "edge" })).to.deep.equal([
      2, 2, 1,
    ]);
  });

  it("clears PTEs of a pinned table by traps, and flushes once at the end (zap_pte_range())", () => {
    const { last } = played(map("a"), touch("a", 0, 50), { op: "munmap", region: "a", from: 0, count: 40 });
    expect(counted(last, "ptwr_emulation", "tlb_flush_local_mm_shootdown", "set_pte")).to.deep.equal({
      ptwr_emulation: 40,
      tlb_flush_local_mm_shootdown: 1,
      set_pte: 0,
    });
  });

  it("flushes dirty pages of a file before the end, table by table (zap_pte_range())", () => {
    const { last } = played({ ...map("a"), kind: "fileshared" }, touch("a", 510, 4), {
      op: "munmap",
      region: "a",
      from: 508,
      count: 8,
    });
    expect(last.counters.tlb_flush_local_mm_shootdown).to.equal(2);
  });

  it("of tables without a PTE flushes one page per table (tlb_get_unmap_shift())", () => {
    const { last } = played(
      map("a"),
      touch("a"),
      { op: "madvise", region: "a", advice: "dontneed" },
      { op: "munmap", region: "a" },
    );
    expect(last.counters.flush_tlb_one_user).to.equal(1);
    expect(last.hist_tlb_flush).to.deep.equal({ "local_mm_shootdown:0": 1 });
  });

  it("enters lazy MMU mode once per VMA and L1 table, and leaves it with an empty flush", () => {
    const { last } = played(map("a"), touch("a", 511, 2), { op: "munmap", region: "a" });
    expect(last.counters.mc_flush_empty).to.equal(2);
  });
});

describe("tlb_finish_mmu()", () => {
  it("flushes everything where another gather of the mm is open (mm_tlb_flush_nested())", () => {
    const { player } = played(map("a"), touch("a"));
    const { linux } = player.machine;
    linux.mms.tlb_flush_pending[1]!++;
    linux.hist.clear();
    const step = { op: "madvise", task: "t0", region: "a", from: 5, count: 1, advice: "dontneed" } as const;
    player.script.steps.push(step);
    expect(player.play(2, 2).main.hist_tlb_flush).to.deep.equal({ "local_mm_shootdown:all": 1 });
  });
});

describe("madvise", () => {
  it("MADV_FREE makes pages old and clean in place, and does so again only once they were used (madvise_free_pte_range())", () => {
    const free = { op: "madvise", region: "a", from: 0, count: 8, advice: "free" } as const;
    const { windows } = played(map("a"), touch("a", 0, 8), free, free, touch("a", 0, 2), free);
    expect([2, 3, 5].map((i) => windows[i]!.counters.set_pte ?? 0)).to.deep.equal([8, 0, 2]);
    expect(windows[4]!.counters.page_fault_user ?? 0).to.equal(0);
  });
});
