/** Page faults in one piece, where those are not plainly what the plain form does, or not all. */
import { expect } from "chai";
import type { Vpn } from "../../abi/frames.js";
import { CAUSE } from "../../abi/ledger.js";
import { start } from "../../experiments/synthetic/run-ops.js";
import { PTES, PFEC_page_present, PFEC_user_mode, PFEC_write_access } from "../../abi/page.js";
import { CLONE_THREAD, CLONE_VM, copy_process } from "../../linux-mm-model/fork.js";
import { P4D_PAGES, table_of } from "../../linux-mm-model/pgtable.js";
import { context_switch } from "../../linux-mm-model/sched.js";
import { sys_mmap, sys_mprotect } from "../../linux-mm-model/syscalls.js";
import { NO_FILE, VM_READ, VM_SHARED, VM_WRITE } from "../../linux-mm-model/vma.js";
import { direct_map, PAGE_KERNEL } from "../../linux-mm-model/xen/prot.js";
import type { Machine } from "../../machine/machine.js";
import { ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE } from "../../xen-model/hw/control.js";
import { LOST_ALL } from "../../xen-model/refill.js";
import { bootedMachine, type PROPOSALS } from "./booted-machine.js";

/** The error code of a write to what is not mapped. */
const FIRST_WRITE = PFEC_user_mode | PFEC_write_access;
/** First page of slot 9, which no image uses. */
const SLOT9 = (9 * P4D_PAGES) as Vpn;
const NEXT_PAGE = (SLOT9 + 1) as Vpn;

/** Pages of the mapping that process() makes: anonymous, then of a file that is in the page cache, then of one that is not. */
const PAGES = 64;
const ANONYMOUS = SLOT9;
const FILE = (SLOT9 + PAGES) as Vpn;
const UNCACHED = (SLOT9 + 2 * PAGES) as Vpn;

/** `threads` of one process in user mode, on as many CPUs; the first has written to the first page of a mapping. */
function process(name: (typeof PROPOSALS)[number], atOnce: boolean, threads: 1 | 2): Machine {
  const machine = bootedMachine(name);
  const { linux } = machine;
  linux.at_once = atOnce;
  start(machine);
  machine.syscall(0);
  const thread = threads === 2 ? copy_process(linux, 0, CLONE_VM | CLONE_THREAD, 77, 1) : -1;
  const uncached = linux.files.open(linux.pages, PAGES, false);
  for (const [start, file] of [
    [ANONYMOUS, NO_FILE],
    [FILE, 0],
    [UNCACHED, uncached],
  ] as const)
    sys_mmap(linux, 0, { start, pages: PAGES, flags: VM_READ | VM_WRITE, file, pgoff: start });
  machine.return_to_user(0);
  if (thread >= 0) context_switch(linux, 1, thread);
  machine.touch(0, SLOT9, ACCESS_WRITE);
  if (thread >= 0) machine.return_to_user(1);
  return machine;
}

/** What `work` leaves under both forms, which is the same in every byte; the fast one's machine. */
function both(
  name: (typeof PROPOSALS)[number],
  work: (machine: Machine, atOnce: boolean) => void,
  threads: 1 | 2 = 2,
): Machine {
  const [machine, plain] = [process(name, true, threads), process(name, false, threads)];
  for (const m of [machine, plain]) {
    m.ledger.clear();
    work(m, m === machine);
  }
  expect(machine.equals(plain)).to.equal(true);
  return machine;
}

describe("The first write to anonymous memory", () => {
  it("is a fault of its own behind the one that synchronises the slot of a pair", () => {
    for (const name of ["linux-per-thread", "linux-per-thread-unlazy"] as const) {
      const machine = both(name, (m) => m.fault(1, NEXT_PAGE, FIRST_WRITE));
      expect(machine.ledger.total("top_sync_fault")).to.equal(1);
      expect(machine.touch(1, NEXT_PAGE, ACCESS_WRITE)).to.equal(1);
    }
  });

  it("waits for who edits the slots of the mm, where replicas mirror them", () => {
    for (const name of ["linux-per-thread", "linux-per-mm-vcpu", "linux-per-vcpu"] as const) {
      const machine = process(name, true, 2);
      const { linux } = machine;
      linux.mms.lock_page_table(linux.tasks.mm[linux.percpu.current[0]!]!, 1);
      expect(linux.page_fault_at_once(0, NEXT_PAGE, FIRST_WRITE)).to.equal(false);
    }
  });

  it("misses the translations that another CPU's flush has taken from the program", () => {
    const machine = both("shared", (m) => {
      m.xen.pcpus.lost[0] = LOST_ALL;
      m.touch(0, NEXT_PAGE, ACCESS_WRITE);
    });
    expect(machine.ledger.total("refill_user")).to.equal(1);
    expect(machine.ledger.total("refill_kernel")).to.equal(1);
  });

  it("is none while the guest's kernel runs", () => {
    const machine = process("shared", true, 2);
    machine.syscall(0);
    expect(machine.linux.page_fault_at_once(0, NEXT_PAGE, FIRST_WRITE)).to.equal(false);
  });
});

describe("A page fault in one piece", () => {
  const write = PFEC_user_mode | PFEC_write_access;
  const present = PFEC_page_present;

  it("maps the zero page, which a write then copies, once", () => {
    const machine = both(
      "shared",
      (m, atOnce) => {
        expect(m.touch(0, NEXT_PAGE, ACCESS_READ)).to.equal(1);
        if (atOnce) {
          const before = m.ledger.enter(0, CAUSE.fault);
          expect(m.linux.page_fault_at_once(0, NEXT_PAGE, write | present)).to.equal(true);
          m.ledger.enter(0, before);
        } else m.fault(0, NEXT_PAGE, write | present);
        expect(m.touch(0, NEXT_PAGE, ACCESS_WRITE)).to.equal(0);
      },
      1,
    );
    expect(machine.ledger.total("ptwr_emulation")).to.equal(1);
    expect(machine.ledger.total("invlpg_op")).to.equal(1);
  });

  it("maps a file's pages around the one that is read, and copies the one that is written to", () => {
    const machine = both(
      "shared",
      (m) => {
        expect(m.touch(0, (FILE + 20) as Vpn, ACCESS_READ)).to.equal(1);
        for (let page = FILE + 16; page < FILE + 32; page++)
          expect(m.touch(0, page as Vpn, ACCESS_READ)).to.equal(0);
        expect(m.touch(0, (FILE + 20) as Vpn, ACCESS_WRITE)).to.equal(1);
      },
      1,
    );
    expect(machine.ledger.total("l1e_set")).to.equal(17);
    expect(machine.ledger.total("page_fault_user")).to.equal(2);
  });

  it("maps what is left of the pages around, and a page alone that is not in the page cache", () => {
    both("shared", (m) => {
      m.touch(0, (FILE + 3) as Vpn, ACCESS_WRITE);
      m.touch(0, (FILE + 4) as Vpn, ACCESS_READ);
      m.touch(0, UNCACHED, ACCESS_READ);
      m.touch(0, (UNCACHED + 1) as Vpn, ACCESS_WRITE);
      m.touch(0, (UNCACHED + 2) as Vpn, ACCESS_READ);
    });
  });

  it("changes nothing where the entry permits the access already", () => {
    const machine = both("shared", (m) => m.fault(0, ANONYMOUS, write | present));
    expect(machine.ledger.total("page_fault_user")).to.equal(1);
    expect(machine.ledger.total("mmu_update")).to.equal(0);
    expect(machine.ledger.total("iret")).to.equal(1);
  });

  it("flushes the other CPU of the process too, where it copies a page, so that it is none", () => {
    const machine = both("shared", (m) => {
      m.touch(0, NEXT_PAGE, ACCESS_READ);
      expect(m.linux.page_fault_at_once(0, NEXT_PAGE, write | present)).to.equal(false);
      m.touch(0, NEXT_PAGE, ACCESS_WRITE);
    });
    expect(machine.ledger.total("flush_tlb_multi")).to.equal(1);
  });

  it("flushes all where the CPU has missed a flush of the process, so that it is none", () => {
    const machine = both(
      "shared",
      (m) => {
        const { linux } = m;
        m.touch(0, NEXT_PAGE, ACCESS_READ);
        linux.mms.tlb_gen[linux.tasks.mm[linux.percpu.current[0]!]!]!++;
        m.touch(0, NEXT_PAGE, ACCESS_WRITE);
      },
      1,
    );
    expect(machine.ledger.total("tlb_flush_op")).to.equal(1);
    expect(machine.ledger.total("invlpg_op")).to.equal(0);
  });

  it("is none where the page is shared with a child, or the mapping with whoever has the file", () => {
    const work = (m: Machine): void => {
      const { linux } = m;
      m.syscall(0);
      expect(copy_process(linux, 0, 0, 78, 78)).to.be.above(0);
      sys_mmap(linux, 0, {
        start: FILE + PAGES * 4,
        pages: 4,
        flags: VM_READ | VM_WRITE | VM_SHARED,
        file: 0,
        pgoff: 0,
      });
      m.return_to_user(0);
      expect(linux.page_fault_at_once(0, ANONYMOUS, write | present)).to.equal(false);
      expect(linux.page_fault_at_once(0, (FILE + PAGES * 4) as Vpn, write)).to.equal(false);
      m.touch(0, ANONYMOUS, ACCESS_WRITE);
      m.touch(0, (FILE + PAGES * 4) as Vpn, ACCESS_READ);
      m.touch(0, (FILE + PAGES * 4) as Vpn, ACCESS_WRITE);
    };
    both("shared", work, 1);
    both("shared", work, 2);
  });

  it("is none while the guest's kernel runs, nor where a store would not be trapped", () => {
    const { linux } = process("shared", true, 1);
    const mm = linux.tasks.mm[linux.percpu.current[0]!]!;
    const table = table_of(linux, mm, ANONYMOUS, 1);
    const slot = ANONYMOUS % PTES;
    const replace = (at: Vpn): boolean =>
      linux.hv.replace_on_fault!(0, at, ANONYMOUS, table, slot, linux.pages.next_page(), PAGE_KERNEL);
    expect(replace(direct_map(linux.memory.frame(table, slot)))).to.equal(false); // data, not the table
    expect(replace(direct_map(table))).to.equal(true);
    const machine = process("shared", true, 1);
    machine.syscall(0);
    for (const page of [NEXT_PAGE, FILE])
      expect(machine.linux.page_fault_at_once(0, page, PFEC_user_mode)).to.equal(false);
  });

  it("is followed by others where the entry does not permit the access after all", () => {
    const machine = both("shared", (m) => {
      expect(() => m.touch(0, NEXT_PAGE, ACCESS_FETCH)).to.throw(RangeError, "faults for ever");
    });
    expect(machine.ledger.total("page_fault_user")).to.equal(8);
  });

  it("is none where the program may not do what it tries", () => {
    const machine = process("shared", true, 2);
    machine.syscall(0);
    sys_mprotect(machine.linux, 0, SLOT9, 4, VM_READ);
    machine.return_to_user(0);
    expect(machine.linux.page_fault_at_once(0, NEXT_PAGE, write)).to.equal(false);
    expect(machine.linux.page_fault_at_once(0, (SLOT9 - 1) as Vpn, write)).to.equal(false);
    expect(machine.linux.page_fault_at_once(0, ANONYMOUS, write | present)).to.equal(false);
  });
});
