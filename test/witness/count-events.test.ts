import { expect } from "chai";
import { CpuCounter, emptyCounts, type RecordedCounts } from "../../witness/count-events.js";
import { parseTrace } from "../../witness/ftrace.js";

/** Count lines of "EVENT: FIELDS", all in one window. */
function counted(...lines: string[]): RecordedCounts {
  const text = ["sched_switch: prev_comm=swapper/1 prev_pid=0 ==> next_comm=player next_pid=7", ...lines]
    .map((line, i) => `          player-7       [001]  ${1000 + i}: ${line}\n`)
    .join("");
  const counter = new CpuCounter((comm) => comm === "player");
  const counts = emptyCounts();
  for (const event of parseTrace(text).events) counter.count(event, counts);
  return counts;
}

const SET_PTE = "xen_mmu_set_pte: ptep 00000000f1a3 pteval 8000000001234867 (raw 8000000101234867)";
const ENTRY = (op: number, name: string): string =>
  `xen_mc_entry: op ${op} ${name} args [1, 1, 0, 7ff0, 0, 0]`;
const EXTEND = (op: number, name: string, result: string): string =>
  `xen_mc_extend_args: extending op ${op} ${name} by 16 bytes res ${result}`;
const FLUSH = (n: number): string => `xen_mc_flush: flushing ${n} hypercalls, 0 arg bytes, 0 callbacks`;

describe("witness: counting events", () => {
  it("makes a PTE outside of lazy MMU mode a mmu_update of its own, and one inside none", () => {
    const alone = counted(SET_PTE, "sys_enter: NR 39 (0, 0, 0, 0, 0, 0)");
    expect(alone.hypercalls).to.deep.equal({ mmu_update: 1, mmu_update_items: 1 });
    expect(alone.linux).to.include({ set_pte: 1, syscall: 1 });

    const lazy = counted(SET_PTE, "xen_mc_batch: start batch LAZY_MMU", ENTRY(1, "mmu_update"), FLUSH(1));
    expect(lazy.hypercalls).to.deep.equal({ mmu_update: 1, mmu_update_items: 1 });
    expect(lazy.hist_mc_flush).to.deep.equal({ 1: 1 });
  });

  it("makes a flush of one entry a direct call, and of more a multicall", () => {
    const { hypercalls, linux } = counted(
      ENTRY(26, "mmuext_op"),
      EXTEND(26, "mmuext_op", "OK"),
      ENTRY(14, "update_va_mapping"),
      FLUSH(2),
      ENTRY(3, "stack_switch"),
      FLUSH(1),
      FLUSH(0),
    );
    expect(hypercalls).to.deep.equal({
      mmuext_op_items: 2,
      multicall: 1,
      mc_mmuext_op: 1,
      mc_update_va_mapping: 1,
      stack_switch: 1,
    });
    expect(linux).to.include({ mc_entry: 3, mc_flush: 2, mc_flush_empty: 1, mc_extend_mmuext_op_ok: 1 });
  });

  it("keeps PTEs of the kernel's own tables apart", () => {
    const { linux, hypercalls } = counted(
      "xen_mmu_set_pte: ptep 00000000f1a3 pteval 8000000001234063 (raw 8000000101234063)",
      "xen_mc_flush: flushing 0 hypercalls, 0 arg bytes, 0 callbacks",
    );
    expect(linux).to.include({ set_pte_kernel: 1 });
    expect(hypercalls).to.deep.equal({ mmu_update_kernel: 1 });
  });

  it("leaves out kernel threads between two times of idleness, and counts a switch to one as to idle", () => {
    const { linux } = counted(
      "sched_switch: prev_comm=player prev_pid=7 ==> next_comm=kworker/1:0 next_pid=20",
      FLUSH(0),
      "sched_switch: prev_comm=kworker/1:0 prev_pid=20 ==> next_comm=swapper/1 next_pid=0",
      FLUSH(0),
      "sched_switch: prev_comm=swapper/1 prev_pid=0 ==> next_comm=ksoftirqd/1 next_pid=21",
      FLUSH(0),
      "sched_switch: prev_comm=ksoftirqd/1 prev_pid=21 ==> next_comm=player next_pid=7",
      FLUSH(0),
    );
    expect(linux).to.deep.equal({ context_switch: 3, mc_flush_empty: 2 });
  });

  it("names flushes by CPUs, pages and reason, as the recordings do", () => {
    const { hist_flush_tlb_multi, hist_tlb_flush, linux } = counted(
      "xen_mmu_flush_tlb_multi: ncpus 2 mm 0 addr 20000000000, end 20000003000",
      "xen_mmu_flush_tlb_multi: ncpus 1 mm 0 addr 0, end ffffffffffffffff",
      "tlb_flush: pages:-1 reason:flush on task switch (0)",
      "tlb_flush: pages:1 reason:local MM shootdown (3)",
    );
    expect(hist_flush_tlb_multi).to.deep.equal({ "2cpu:3": 1, "1cpu:all": 1 });
    expect(hist_tlb_flush).to.deep.equal({ "task_switch:all": 1, "local_mm_shootdown:1": 1 });
    expect(linux).to.include({
      flush_tlb_multi: 2,
      tlb_flush_task_switch: 1,
      tlb_flush_local_mm_shootdown: 1,
    });
  });
});
