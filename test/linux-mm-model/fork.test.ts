import { expect } from "chai";
import { counted, played, type Step } from "./played.js";

const map: Step = { op: "mmap", region: "a" };
const touch = (from: number, count: number, task = "t0"): Step => ({
  op: "touch",
  task,
  region: "a",
  from,
  count,
});
const fork: Step = { op: "fork", child: "p1", vcpu: 0 };

describe("fork", () => {
  it("copies PTEs of private pages only, and write-protects them by traps (copy_present_pte())", () => {
    const { last } = played(map, touch(0, 70), fork);
    // 70 pages and the page of the stack; text and the control area will be faulted in
    expect(counted(last, "set_pte", "ptwr_emulation")).to.deep.equal({ set_pte: 71, ptwr_emulation: 71 });
  });

  it("write-protects a page once: the next child finds it so", () => {
    const { last } = played(map, touch(0, 70), fork, { ...fork, child: "p2" });
    expect(counted(last, "set_pte", "ptwr_emulation")).to.deep.equal({ set_pte: 71, ptwr_emulation: 0 });
  });

  it("queues 31 PTEs a hypercall, as the argument buffer ends there (xen_mc_extend_args())", () => {
    const { last } = played(map, touch(0, 70), fork);
    expect(last.counters.mc_flush_forced_args).to.equal(2);
  });

  it("copies no PTE of shared memory (vma_needs_copy())", () => {
    const { last } = played({ ...map, kind: "shared" }, touch(0, 70), fork);
    expect(last.counters.set_pte).to.equal(1);
  });

  it("pins the child by RO for each table, a pin for each L1, and a pin for both L4s (xen_pgd_pin())", () => {
    const { last } = played(fork);
    expect(last.hist_mc_flush["8"]).to.equal(1); // RO of L3, L2, L1, 2 L4; pins of L1, L4, L4
    expect(last.counters.pgd_pin).to.equal(1);
  });

  it("flushes the parent on all CPUs that it may run on (flush_tlb_mm())", () => {
    const alone = played(fork).last;
    expect(alone.hist_tlb_flush).to.deep.equal({ "local_mm_shootdown:all": 1 });
    const both = played({ op: "clone_thread", child: "t1", vcpu: 1 }, fork).last;
    expect(both.hist_flush_tlb_multi).to.deep.equal({ "2cpu:all": 1 });
  });

  it("makes the child's VMAs merge with none that has no page of its own (is_mergeable_anon_vma())", () => {
    const grown = (task: string): number => {
      const steps: Step[] = [map, touch(0, 2), fork, { op: "mmap", task, region: "behind" }];
      const { player } = played(...steps);
      const { linux } = player.machine;
      const mm = linux.tasks.mm[player.tasks.get(task)!.row]!;
      const vma = linux.vmas.find_vma(linux.mms.vma_root[mm]!, 4 * 2 ** 27);
      return linux.vmas.end[vma]! - linux.vmas.start[vma]!;
    };
    expect(grown("t0")).to.equal(1024 + 8);
    expect(grown("p1")).to.equal(1024);
  });
});

describe("A thread", () => {
  it("is made without a hypercall for the mm, and traps to read GS (save_fsgs())", () => {
    const { last } = played({ op: "clone_thread", child: "t1", vcpu: 0 });
    expect(counted(last, "emulate_privop", "mc_entry", "set_pte")).to.deep.equal({
      emulate_privop: 1,
      mc_entry: 0,
      set_pte: 0,
    });
  });

  it("beyond the two cached kernel stacks maps four pages of one (alloc_thread_stack_node())", () => {
    const clone = (child: string): Step => ({ op: "clone_thread", child, vcpu: 1 });
    const { windows } = played(clone("t1"), clone("t2"), clone("t3"));
    expect(windows.map((w) => w.counters.set_pte_kernel ?? 0)).to.deep.equal([0, 0, 4]);
  });
});

describe("exec", () => {
  it("goes through the PTE of the arguments once, and flushes it, since Xen has set G (setup_arg_pages())", () => {
    const { last } = played({ op: "exec" });
    expect(counted(last, "ptep_modify_prot_commit", "flush_tlb_one_user")).to.deep.equal({
      ptep_modify_prot_commit: 1,
      flush_tlb_one_user: 1,
    });
  });

  it("sets GS three times: deactivate_mm(), and twice in start_thread_common() with X86_BUG_NULL_SEG", () => {
    expect(played({ op: "exec" }).last.counters.set_segment_base).to.equal(3);
  });

  it("pins the new address space and unpins the old one (xen_activate_mm(), xen_exit_mmap())", () => {
    expect(counted(played({ op: "exec" }).last, "pgd_pin", "pgd_unpin")).to.deep.equal({
      pgd_pin: 1,
      pgd_unpin: 1,
    });
  });
});

describe("exit", () => {
  it("loads swapper_pg_dir here and on each CPU that idles on the tables (xen_drop_mm_ref())", () => {
    expect(played({ op: "exit" }).last.counters.write_cr3_kernel).to.equal(1);
    const { last } = played(
      { op: "clone_thread", child: "t1", vcpu: 1 },
      { op: "exit", task: "t1" },
      { op: "exit" },
    );
    expect(last.counters.write_cr3_kernel).to.equal(2);
  });

  it("takes PTEs away without a trap or a flush, as the tables are unpinned (tlb_gather_mmu_fullmm())", () => {
    const { last } = played(map, touch(0, 70), { op: "exit" });
    expect(counted(last, "ptwr_emulation", "tlb_flush_local_mm_shootdown")).to.deep.equal({
      ptwr_emulation: 0,
      tlb_flush_local_mm_shootdown: 0,
    });
  });

  it("frees a vmalloc'd table of files, one trap a page (put_files_struct(), vunmap_range_noflush())", () => {
    const { windows } = played({ op: "fdgrow", fd: 600000 }, { op: "exit" });
    expect(windows[0]!.counters.set_pte_kernel).to.equal(2052); // 8 MiB, and 4 pages of pointers to them
    expect(windows[1]!.counters.ptwr_emulation).to.equal(2052);
  });
});
