/** The end of an address space, whose PTEs go a table at a time, leaves what VMA by VMA does, in each byte that Machine.equals() compares. */
import { expect } from "chai";
import { start } from "../../experiments/synthetic/run-ops.js";
import { do_exit } from "../../linux-mm-model/exit.js";
import { populate_range } from "../../linux-mm-model/fault.js";
import { copy_process } from "../../linux-mm-model/fork.js";
import { P4D_PAGES, PMD_PAGES, PUD_PAGES } from "../../linux-mm-model/pgtable.js";
import { context_switch } from "../../linux-mm-model/sched.js";
import { sys_mmap } from "../../linux-mm-model/syscalls.js";
import { MAX_GATHER_PAGES } from "../../linux-mm-model/unmap.js";
import { NO_FILE, VM_READ, VM_SHARED, VM_WRITE } from "../../linux-mm-model/vma.js";
import type { Machine } from "../../machine/machine.js";
import { bootedMachine } from "../machine/booted-machine.js";

/** First page of slot 9, which no image uses. */
const SLOT9 = 9 * P4D_PAGES;
const RW = VM_READ | VM_WRITE;

/** Map `pages` from page `at` of slot 9 on, and fault them in: by writes, or by reads. */
function map(m: Machine, at: number, pages: number, write: boolean, flags = RW, file = NO_FILE): void {
  const { linux } = m;
  sys_mmap(linux, 0, { start: SLOT9 + at, pages, flags, file, pgoff: 0 });
  const mm = linux.tasks.mm[linux.percpu.current[0]!]!;
  populate_range(linux, 0, mm, SLOT9 + at, SLOT9 + at + pages, write);
}

/** A process whose parent lives on exits on CPU 0 after `work`, in both forms. The machine has counted the exit alone. */
function exits(work: (m: Machine, file: number) => void): Machine {
  const [machine, plain] = [bootedMachine("shared"), bootedMachine("shared")];
  plain.linux.at_once = false;
  for (const m of [machine, plain]) {
    const { linux } = m;
    start(m);
    m.syscall(0);
    const file = linux.files.open(linux.pages, 16, true);
    context_switch(linux, 0, copy_process(linux, 0, 0, 99, 99));
    work(m, file);
    m.ledger.clear();
    do_exit(linux, 0);
  }
  expect(machine.equals(plain)).to.equal(true);
  return machine;
}

/** Flushes of the address space that has gone, which was the last to be made: its generation is still there. */
function flushes({ linux: { mms } }: Machine): number {
  return mms.tlb_gen[mms.ctx_id.indexOf(Math.max(...mms.ctx_id))]!;
}

describe("exit_mmap()", () => {
  it("takes away VMAs of one table, of several, and of several slots", () => {
    const machine = exits((m) => {
      map(m, 0, 3, true);
      map(m, 3, 2, false, VM_READ); // the zero page
      map(m, 10, 40, true);
      map(m, PMD_PAGES - 2, 4, true);
      map(m, 3 * PMD_PAGES, 1, true);
      map(m, PUD_PAGES - 1, 2, true);
      map(m, P4D_PAGES - 1, 2, true);
    });
    expect(machine.ledger.total("release_pte_unpinned")).to.be.above(6);
  });

  it("finds pages behind an L2 table, or an L3, that is not there", () => {
    const machine = exits((m) => {
      const { linux } = m;
      sys_mmap(linux, 0, { start: SLOT9, pages: 2 * P4D_PAGES, flags: RW, file: NO_FILE, pgoff: 0 });
      const mm = linux.tasks.mm[linux.percpu.current[0]!]!;
      for (const page of [2 * PUD_PAGES + 7, P4D_PAGES + 3 * PUD_PAGES + 5])
        populate_range(linux, 0, mm, SLOT9 + page, SLOT9 + page + 1, true);
    });
    const { used, rss } = machine.linux.mms;
    expect(rss.every((pages, mm) => used[mm] !== 0 || pages === 0)).to.equal(true);
  });

  it("keeps the pages that the parent maps too", () => {
    const machine = exits((m) => map(m, 0, 1, true));
    expect(machine.linux.pages.mapcount.some((n) => n > 0)).to.equal(true);
  });

  it("enters lazy MMU mode once per VMA and L1 table", () => {
    const sections = (n: number) =>
      exits((m) => {
        for (let i = 0; i < n; i++) map(m, 4 * i, 1, true);
      }).ledger.total("mc_flush_empty");
    expect(sections(5) - sections(2)).to.equal(3);
  });

  it("flushes behind dirty pages of a file, before it goes on with their table (zap_pte_range())", () => {
    const with_file_pages = (write: boolean) =>
      exits((m, file) => {
        map(m, 0, 2, true);
        map(m, 2, 2, write, RW | VM_SHARED, file);
        map(m, 6, 2, true);
      });
    expect(flushes(with_file_pages(true)) - flushes(with_file_pages(false))).to.equal(1);
  });

  it("flushes where the gather is full, in the middle of a table (tlb_remove_page())", () => {
    const pages = (n: number) => exits((m, file) => map(m, 0, n, false, VM_READ | VM_SHARED, file));
    expect(flushes(pages(MAX_GATHER_PAGES + 100)) - flushes(pages(1000))).to.equal(1);
  });
});
