import { expect } from "chai";
import { counted, played, type Step } from "./played.js";

const map = (region: string): Step => ({ op: "mmap", region });
const touch = (region: string, from: number, count: number): Step => ({ op: "touch", region, from, count });
const protect = (prot: string, from: number, count: number): Step => ({
  op: "mprotect",
  region: "a",
  prot,
  from,
  count,
});

describe("mprotect", () => {
  it("changes PTEs in batches of 31, and keeps what hardware sets meanwhile (ptep_modify_prot_commit())", () => {
    const { last } = played(map("a"), touch("a", 0, 70), protect("r", 0, 70));
    expect(counted(last, "ptep_modify_prot_commit", "mmu_update", "mc_flush_forced_args")).to.deep.equal({
      ptep_modify_prot_commit: 70,
      mmu_update: 3,
      mc_flush_forced_args: 2,
    });
  });

  it("makes pages of its own writable at once, so that no write faults (can_change_pte_writable())", () => {
    const { last } = played(
      map("a"),
      touch("a", 0, 4),
      protect("r", 0, 4),
      protect("rw", 0, 4),
      touch("a", 0, 4),
    );
    expect(last.counters.page_fault_user ?? 0).to.equal(0);
  });

  it("leaves pages that fork shared read-only, so that a write faults", () => {
    const { last } = played(
      map("a"),
      touch("a", 0, 4),
      { op: "fork", child: "p1", vcpu: 0 },
      protect("r", 0, 4),
      protect("rw", 0, 4),
      touch("a", 0, 4),
    );
    expect(last.counters.page_fault_user).to.equal(4);
  });

  it("flushes where a PTE stays as it was but for G, which Xen had set (pte_flags_need_flush())", () => {
    const read: Step = { op: "touch", region: "a", from: 0, count: 1, access: "read" };
    const { last } = played(map("a"), read, protect("r", 0, 1));
    expect(last.counters.flush_tlb_one_user).to.equal(1);
  });

  it("does not flush for a page that nobody could access before (pte_needs_flush())", () => {
    const { last } = played(map("a"), touch("a", 0, 1), protect("none", 0, 1), protect("rw", 0, 1));
    expect(counted(last, "ptep_modify_prot_commit", "flush_tlb_one_user")).to.deep.equal({
      ptep_modify_prot_commit: 1,
      flush_tlb_one_user: 0,
    });
  });

  it("does nothing where the VMA has these flags already (mprotect_fixup())", () => {
    expect(played(map("a"), touch("a", 0, 4), protect("rw", 0, 4)).last.counters.mc_entry ?? 0).to.equal(0);
  });

  it("splits the VMA, and merges the parts again on the way back (vma_merge())", () => {
    const count = (...steps: Step[]): number => {
      const { linux } = played(map("a"), touch("a", 0, 4), ...steps).player.machine;
      return linux.mms.map_count[1]!;
    };
    const one = count();
    expect(count(protect("r", 1, 1))).to.equal(one + 2);
    expect(count(protect("r", 1, 1), protect("rw", 1, 1))).to.equal(one);
  });
});

describe("mremap", () => {
  const move = (region: string, from: number, count: number, to: string, to_from: number): Step => ({
    op: "mremap",
    region,
    from,
    count,
    to,
    to_from,
  });

  it("hooks a whole L1 table elsewhere: announced as new, but not pinned again (move_normal_pmd())", () => {
    const { last } = played(
      map("a"),
      touch("a", 0, 512),
      touch("a", 512, 512),
      move("a", 0, 512, "other", 512),
    );
    expect(counted(last, "set_pte", "set_pmd", "alloc_pte_pinned", "ptwr_emulation")).to.deep.equal({
      set_pte: 0,
      set_pmd: 2,
      alloc_pte_pinned: 1,
      ptwr_emulation: 0,
    });
    const pins = played(map("a"), touch("a", 0, 1), map("other"), touch("other", 0, 1));
    expect(pins.player.machine.linux.mc.map((mc) => mc.failed[0])).to.deep.equal([0, 0]);
  });

  it("hooks a whole L2 table elsewhere where both ends are aligned to 1 GiB (move_normal_pud())", () => {
    const { last, player } = played(
      map("huge"),
      touch("huge", 5, 1),
      touch("huge", 100000, 1),
      move("huge", 0, 262144, "hugeTo", 0),
    );
    expect(counted(last, "set_pud", "set_pmd", "set_pte", "alloc_pmd_pinned")).to.deep.equal({
      set_pud: 2, // cleared and set
      set_pmd: 0,
      set_pte: 0,
      alloc_pmd_pinned: 1,
    });
    expect(player.machine.linux.mc.map((mc) => mc.failed[0])).to.deep.equal([0, 0]);
  });

  it("moves PTEs one by one elsewhere, and flushes the old place (move_ptes())", () => {
    const { last } = played(map("a"), touch("a", 3, 5), move("a", 3, 5, "other", 7));
    expect(counted(last, "ptwr_emulation", "set_pte", "flush_tlb_one_user")).to.deep.equal({
      ptwr_emulation: 5,
      set_pte: 5,
      flush_tlb_one_user: 5,
    });
  });

  it("moves no whole table to where there is one already", () => {
    const { last } = played(
      map("a"),
      touch("a", 0, 512),
      map("other"),
      { op: "munmap", region: "other", from: 0, count: 1024 },
      touch("other", 1024, 1),
      { op: "munmap", region: "other", from: 1025, count: 1023 },
      move("a", 0, 512, "other", 1025),
    );
    expect(last.counters.set_pte).to.equal(512);
  });
});
